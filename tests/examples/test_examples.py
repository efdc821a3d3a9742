"""Every example is run as its README says: what it is about, and what goes wrong in it."""

import re
import sys

import pytest
from running import EXAMPLES, Example

sys.path.insert(0, str(EXAMPLES / "sql-polling"))
from databases import postgres_programs

NAMES = sorted(path.parent.name for path in EXAMPLES.glob("*/newel.toml"))

#: What stands beside Newel. `--database` is chosen below.
SERVERS = {
    "batch-inference": ["batch_jobs.py"],
    "private-https": ["services.py"],
    "prompt-chaining": ["-m", "newel.dev.model_server", "--port", "{}"],
    "sql-polling": ["data_api.py"],
}
#: Examples that need none of the companion's services.
WITHOUT_COMPANION = {"private-https", "sql-polling"}
#: The parts of the drivers: the story, and the failures.
PARTS = {
    "batch-inference": (["whole", "formats"], ["poisoned", "redriven"]),
    "call-router": (["question", "closed", "several"], ["hangup", "busy"]),
    "kyc": (["approved"], ["denied", "incomplete"]),
    "private-https": (["reviews", "retried"], ["refused", "unreachable"]),
    "prompt-chaining": (["chain", "parallel", "cached", "throttled"], ["busy"]),
    "sql-polling": (["merged", "ended"], ["wrong"]),
    "stock-trade": (["small", "large"], ["rejected", "silent", "unknown"]),
}
#: PostgreSQL is not everywhere, CI's machines included; then SQLite alone is under the Data API.
VARIANTS = {"sql-polling": ["sqlite", "postgres"] if postgres_programs() else ["sqlite"]}
RUNS = [(name, variant) for name in NAMES for variant in VARIANTS.get(name, [""])]


@pytest.fixture(scope="module")
def example(request, tmp_path_factory):
    name, variant = request.param
    server = SERVERS.get(name)
    running = Example(
        tmp_path_factory.mktemp(name),
        name,
        server=[*server, "--database", variant] if server and variant else server,
        options=["--no-companion"] if name in WITHOUT_COMPANION else [],
        values={"PollSeconds = 1": "PollSeconds = 0"} if name == "sql-polling" else {},
    )
    yield running
    running.close()


def ids(run):
    return "-".join(filter(None, run))


def played(example, parts):
    done = example.play(*parts)
    assert done.returncode == 0, f"{done.stdout}{done.stderr}\n{example.log.read_text()}"
    assert all(f"-- {part}\n" in done.stdout for part in parts)
    return done.stdout


@pytest.mark.parametrize("example", RUNS, indirect=True, ids=ids)
def test_the_story(example):
    played(example, PARTS[example.folder.name][0])


@pytest.mark.parametrize("example", RUNS, indirect=True, ids=ids)
def test_the_failures(example):
    played(example, PARTS[example.folder.name][1])


@pytest.mark.parametrize("example", [("kyc", "")], indirect=True, ids=ids)
def test_a_driver_sees_what_is_wrong(example):
    """A function that finds every identity valid: it is taken over at once, and the driver does not like it."""
    (example.folder / "functions" / "check-identity.py").write_text(
        "def handler(event, context):\n    return {'isValid': True}\n"
    )
    example.until("change", name="check-identity", kind="updated")
    done = example.play("denied")
    assert done.returncode == 1
    assert done.stderr.startswith("WRONG: kyc-jsonpath, {'ssn': '12'}: the account: expected None")


@pytest.mark.parametrize("name", NAMES)
def test_every_part_is_played(name):
    text = (EXAMPLES / name / "run.py").read_text()
    parts = re.findall(r"(\w+)=\1\b", re.search(r"driver\.play\((.*)\)", text)[1])
    assert parts == [part for kind in PARTS[name] for part in kind]


def test_every_example_is_described():
    index = (EXAMPLES / "README.md").read_text()
    for name in NAMES:
        assert f"]({name}/README.md)" in index
        text = (EXAMPLES / name / "README.md").read_text()
        assert f"newel dev examples/{name}" in text
        assert f"python examples/{name}/run.py" in text
        assert all(f"`{part}`" in text for kind in PARTS[name] for part in kind), name
