import json
import time

import pytest

from newel.functions.catalog import Catalog
from newel.functions.logs import LogStream
from newel.functions.model import Code, Configuration, Function
from newel.runtime.clock import SystemClock
from newel.service.log_groups import LogGroups

ACCOUNT, REGION = "000000000000", "us-east-1"
GROUP = "/aws/vendedlogs/states/orders"
ARN = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{GROUP}:*"


@pytest.fixture
def data(tmp_path):
    """A data directory as a server leaves it: a log group with two events, and a function that has run twice."""
    folder = tmp_path / "data"
    groups = LogGroups(folder / "logs", SystemClock())
    groups.create(ACCOUNT, REGION, GROUP)
    groups.write(ARN, "s", [(1_700_000_000_123, {"id": "1"}), (1_700_000_000_456, {"id": "2"})])
    catalog = Catalog(folder / "functions")
    catalog.load()
    configuration = Configuration(
        version="$LATEST",
        code=Code("", 0),
        runtime="python3.11",
        handler="a.b",
        role="r",
        last_modified="",
        revision_id="",
    )
    function = Function(account=ACCOUNT, region=REGION, name="resize", latest=configuration)
    catalog.write(function)
    catalog.remember(function)
    stream = LogStream(catalog.logs(function), "$LATEST")
    stream.write("START\nhello\nEND\n")
    stream.close()
    return folder


def test_a_log_group(newel, data):
    result = newel("logs", GROUP, "--data-dir", data)
    assert result.exit_code == 0
    assert result.stdout == '2023-11-14T22:13:20.123Z {"id":"1"}\n2023-11-14T22:13:20.456Z {"id":"2"}\n'


def test_a_log_group_as_json_lines(newel, data):
    result = newel("logs", GROUP, "--json", "--data-dir", data)
    assert [json.loads(line)["message"] for line in result.stdout.splitlines()] == ['{"id":"1"}', '{"id":"2"}']


@pytest.mark.parametrize("name", ["resize", "/aws/lambda/resize"])
def test_a_function(newel, data, name):
    result = newel("logs", name, "--data-dir", data)
    assert result.exit_code == 0
    assert result.stdout == "START\nhello\nEND\n"


def test_the_data_directory_from_the_environment(newel, data, monkeypatch):
    monkeypatch.setenv("NEWEL_DATA_DIR", str(data))
    assert newel("logs", "resize").exit_code == 0


@pytest.mark.parametrize("name", ["absent", "../resize", "resize/logs"])
def test_a_name_that_is_not_there(newel, data, name):
    result = newel("logs", name, "--data-dir", data)
    assert result.exit_code == 1
    assert result.stderr == f"newel: no log group or function is named {name} (known: {GROUP}, resize)\n"


def test_a_data_directory_that_is_not_there(newel):
    result = newel("logs", "resize", "--data-dir", "absent")
    assert result.exit_code == 3
    assert result.stderr == "newel: there is no data directory absent\n"


def test_following_prints_what_is_added_and_never_half_a_line(start_newel, data):
    process = start_newel("logs", GROUP, "--follow", "--data-dir", data)
    assert process.stdout.readline().endswith('{"id":"1"}\n')
    assert process.stdout.readline().endswith('{"id":"2"}\n')
    [file] = (data / "logs").glob("*/*/*.jsonl")
    whole = json.dumps({"stream": "s", "time_ms": 1_700_000_001_000, "message": "third", "ingested_ms": 0}) + "\n"
    with file.open("a") as stream:
        stream.write(whole[:20])
        stream.flush()
        time.sleep(0.5)  # long enough for a reader that does not mind half lines to print one
        stream.write(whole[20:])
    assert process.stdout.readline() == "2023-11-14T22:13:21.000Z third\n"
