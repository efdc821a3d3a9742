"""`newel.toml`: what it means, and where its mistakes are."""

import pytest

from newel.dev.config import Config, ConfigError, parse_config, read_config
from newel.dev.toml_lines import keys, line_of

FULL = """
[machines.orders]
definition = "flows/orders.asl.json"
type = "EXPRESS"
substitutions = { Table = "orders", Seconds = 5 }
logging = { level = "ERROR" }

[resources]
buckets = ["a", "b"]

[resources.queues."x.fifo"]
attributes = { VisibilityTimeout = "3" }

[endpoints]
secretsmanager = "http://127.0.0.1:1"
EventBridge = "http://127.0.0.1:2"
sfn = "http://127.0.0.1:3"

[egress]
allow_networks = ["10.0.0.0/8"]

[aws]
attempts = 1
read_seconds = 5

[models."anthropic.*"]
base_url = "http://127.0.0.1:11434/v1"
"""


def test_everything_is_read(tmp_path):
    config = parse_config(FULL, tmp_path)
    orders = config.machines["orders"]
    assert (orders.type, orders.substitutions["Seconds"], orders.logging.level) == ("EXPRESS", 5, "ERROR")
    assert list(config.resources.buckets) == ["a", "b"]
    assert config.resources.queues["x.fifo"].attributes == {"VisibilityTimeout": "3"}
    assert config.endpoints == {
        "SECRETS_MANAGER": "http://127.0.0.1:1",
        "EVENTBRIDGE": "http://127.0.0.1:2",
        "SFN": "http://127.0.0.1:3",
    }
    assert config.egress.allow_networks == ("10.0.0.0/8",)
    assert (config.aws.attempts, config.aws.read_seconds, config.aws.connect_seconds) == (1, 5, 10)
    assert config.models.endpoint("anthropic.claude-x").base_url == "http://127.0.0.1:11434/v1"


def test_no_file_is_an_empty_one(tmp_path):
    assert read_config(tmp_path) == Config()


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("foo = 1", 1, "unknown key foo"),
        ("\nx =\n", 2, "Invalid value"),
        ("[aws]\nattempts = 0\n", 1, "aws: Expected `int` >= 1"),
        ("\n[aws]\nattempt = 2\n", 2, "unknown field `attempt`"),
        ('[machines.a]\ndefinition = "x"\ntyp = "E"\n', 3, "unknown key typ"),
        ('[machines.a]\ndefinition = "x"\n\nlogging = { level = "LOUD" }\n', 4, "machines.a.logging.level"),
        ('[machines."a b"]\ntype = "STANDARD"\n', 1, "missing required field `definition`"),
        ('[functions.f]\npath = "f"\n# words\ntimeout = "long"\n', 4, "functions.f.timeout"),
        ('[resources]\nbuckets = ["a"]\nqeues = ["b"]\n', 3, "unknown key qeues"),
        ('[resources.tables.t]\nkeys = { id = "X" }\n', 2, "resources.tables.t.keys"),
        ("[resources.queues.q]\nattributes = { Delay = 3 }\n", 2, "resources.queues.q.attributes"),
        ('[endpoints]\n\nnothing = "http://x"\n', 3, "there is no AWS service nothing"),
        ('[endpoints]\ns3 = "127.0.0.1"\n', 2, "is not an http or https URL"),
        ("[egress]\nfoo = 1\n", 1, "egress"),
        ('[mocks]\nfile = "none.json"\n', 2, "there is no file none.json"),
        ("machines = 3\n", 1, "machines must be a table"),
    ],
)
def test_a_mistake_and_its_line(tmp_path, text, line, message):
    with pytest.raises(ConfigError) as error:
        parse_config(text, tmp_path)
    assert message in str(error.value)
    assert error.value.line == line


def test_keys_and_their_lines():
    assert keys('a . "b.c".d') == ("a", "b.c", "d")
    text = 'a.b = 1\n[c]\n# [d]\n"e f" = 2\n[[g]]\nh = 3\n'
    found = {path: line_of(text, path) for path in [("a", "b"), ("c", "e f"), ("g", "h"), ("c", "none"), ("none",)]}
    assert found == {("a", "b"): 1, ("c", "e f"): 4, ("g", "h"): 6, ("c", "none"): 2, ("none",): 1}
