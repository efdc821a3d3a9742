import json
import platform
from importlib.metadata import version

import pytest


def test_version(newel):
    result = newel("version")
    assert result.exit_code == 0
    assert result.stdout == f"newel {version('newel')} (Python {platform.python_version()})\n"


def test_version_as_json(newel):
    assert json.loads(newel("version", "--json").stdout) == {
        "newel": version("newel"),
        "python": platform.python_version(),
    }


def test_help_lists_the_commands_and_the_exit_codes(newel):
    text = newel("--help").stdout
    for command in ("serve", "run", "validate", "history", "logs", "version"):
        assert f" {command} " in text
    assert "Exit codes: 0 success" in text


@pytest.mark.parametrize(
    "arguments", [["nonsense"], ["run"], ["validate", "--nonsense", "x"], ["serve", "--port", "x"]]
)
def test_wrong_usage_ends_with_2(newel, arguments):
    assert newel(*arguments).exit_code == 2
