"""The style, executable: what review would otherwise have to say again and again. Sizes only ratchet down."""

import ast
import os
import re
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import botocore.session
import msgspec
import pytest
import typer.main

from newel.cli.main import app
from newel.integrations.registry import optimized_targets
from newel.limits import DEFAULT_LIMITS
from newel.service.operations import OPERATIONS

ROOT = Path(__file__).parents[1]
PURE = ("src/newel/expr/", "src/newel/language/", "src/newel/engine/")
MODULE_LINES_MAX = 600
FUNCTION_LINES_MAX = 70

# What is over a limit today, with its size. An entry may shrink or go; none may be added without a very good reason.
MODULES_OVER: dict[str, int] = {}
FUNCTIONS_OVER: dict[str, int] = {}

PURE_BANNED_MODULES = {
    "asyncio": "the core is synchronous: hand back events and let runtime/ wait",
    "concurrent": "the core is synchronous",
    "io": "the core takes and returns text and values",
    "logging": "the core is silent: return a diagnostic or an event",
    "os": "the core reads no environment and no files",
    "pathlib": "the core opens no files",
    "random": "take randomness from expr.env.Environment",
    "secrets": "take randomness from expr.env.Environment",
    "socket": "the core does no I/O",
    "sqlite3": "ports.store is the way to a database",
    "subprocess": "the core does no I/O",
    "threading": "the core is synchronous",
    "time": "take the time from expr.env.Environment",
    "uuid": "take randomness from expr.env.Environment",
}
PURE_BANNED_CALLS = {
    "open": "the core does no I/O",
    "print": "the core is silent: return a diagnostic or an event",
    "input": "the core does no I/O",
    "eval": "compile to closures",
    "exec": "compile to closures",
    "breakpoint": "remove it",
}
# The source that it runs holds generated names alone; the texts of an expression are constants beside it.
PURE_ALLOWED = {("src/newel/expr/jsonata/codegen/program.py", "exec")}
CLOCK_METHODS = {"now", "utcnow", "today"}


@cache
def tracked() -> list[str]:
    """Every file of the repository: tracked, or about to be."""
    run = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(run, cwd=ROOT, check=True, capture_output=True, text=True).stdout.splitlines()
    return sorted({name for name in names if (ROOT / name).is_file()})


@cache
def text_of(name: str) -> str:
    try:
        return (ROOT / name).read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return ""  # a picture


@cache
def tree_of(name: str) -> ast.Module:
    return ast.parse(text_of(name), name)


def python(*prefixes: str) -> list[str]:
    return [name for name in tracked() if name.endswith(".py") and name.startswith(prefixes)]


def functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    return (node for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)))


def imported(node: ast.AST) -> list[str]:
    """The top-level packages that one import statement names."""
    if isinstance(node, ast.Import):
        return [alias.name.split(".")[0] for alias in node.names]
    if isinstance(node, ast.ImportFrom) and node.level == 0:
        return [(node.module or "").split(".")[0]]
    return []


def impurities(tree: ast.Module) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        for module in imported(node):
            if module in PURE_BANNED_MODULES:
                yield node.lineno, f"import {module}: {PURE_BANNED_MODULES[module]}"
        if isinstance(node, (ast.AsyncFunctionDef, ast.Await, ast.AsyncFor, ast.AsyncWith)):
            yield node.lineno, "async: the core is synchronous"
        if isinstance(node, ast.Call):
            match node.func:
                case ast.Name(id=name) if name in PURE_BANNED_CALLS:
                    yield node.lineno, f"{name}(): {PURE_BANNED_CALLS[name]}"
                case ast.Attribute(value=ast.Name(id="datetime" | "date"), attr=name) if name in CLOCK_METHODS:
                    yield node.lineno, f"datetime.{name}(): take the time from expr.env.Environment"
                case ast.Attribute(value=ast.Attribute(attr="datetime" | "date"), attr=name) if name in CLOCK_METHODS:
                    yield node.lineno, f"datetime.{name}(): take the time from expr.env.Environment"


def test_the_core_reads_no_clock_draws_no_randomness_and_does_no_io():
    found = [
        f"{name}:{line}: {what}"
        for name in python(*PURE)
        for line, what in impurities(tree_of(name))
        if (name, what.partition("(")[0]) not in PURE_ALLOWED
    ]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    "source",
    [
        "import time",
        "from random import random",
        "import os.path",
        "async def f(): ...",
        "print(1)",
        "open('x')",
        "datetime.now()",
        "datetime.datetime.utcnow()",
        "date.today()",
    ],
)
def test_the_purity_rule_sees(source):
    assert list(impurities(ast.parse(source)))


def ratchet(sizes: dict[str, int], known: dict[str, int], limit: int) -> list[str]:
    """Complaints: something over the limit that is not known, something that grew, a known size that is out of date."""
    grown = [
        f"{k}: {n} lines, at most {max(limit, known.get(k, 0))}"
        for k, n in sizes.items()
        if n > max(limit, known.get(k, 0))
    ]
    stale = [
        f"{k}: is {sizes.get(k, 0)} lines now, lower or drop its entry" for k, n in known.items() if sizes.get(k, 0) < n
    ]
    return grown + stale


def test_modules_stay_small():
    sizes = {name: text_of(name).count("\n") for name in python("src/", "bench/", "demo/")}
    found = ratchet(sizes, MODULES_OVER, MODULE_LINES_MAX)
    assert not found, "\n".join(found)


def test_functions_stay_short():
    sizes = {
        f"{name}::{function.name}": function.end_lineno - function.lineno + 1
        for name in python("src/", "bench/", "demo/")
        for function in functions(tree_of(name))
    }
    found = ratchet(sizes, FUNCTIONS_OVER, FUNCTION_LINES_MAX)
    assert not found, "\n".join(found)


def test_the_ratchet_bites():
    assert ratchet({"a": 71}, {}, 70)
    assert ratchet({"a": 81}, {"a": 80}, 70)
    assert ratchet({"a": 79}, {"a": 80}, 70)
    assert not ratchet({"a": 80, "b": 70}, {"a": 80}, 70)


def reason(lines: list[str], number: int) -> str:
    """The comments at a line, at the imports before it and above those, without markers for tools."""
    above = number - 2
    while above > 0 and re.match(r"\s*((import|from) |$)", lines[above]):
        above -= 1
    comments = [line.partition("#")[2] for line in lines[max(above, 0) : number] if "#" in line]
    return re.sub(r"(noqa|type: ignore)(:?\s*[A-Z]+\d+(,\s*[A-Z]+\d+)*|\[[^]]*\])?", "", " ".join(comments)).strip(
        " #-"
    )


def explained(name: str, function: ast.FunctionDef | ast.AsyncFunctionDef, number: int) -> bool:
    """Whether a comment at the import or the function's docstring says why it is there."""
    beside = reason(text_of(name).splitlines(), number)
    return (
        len(beside.split()) >= 2
        or re.search(r"\b(import|load)", ast.get_docstring(function) or "", re.IGNORECASE) is not None
    )


def test_an_import_inside_a_function_says_why():
    found = [
        f"{name}:{node.lineno}: import inside a function without a reason beside it"
        for name in python("src/")
        for function in functions(tree_of(name))
        for node in ast.walk(function)
        if isinstance(node, (ast.Import, ast.ImportFrom)) and not explained(name, function, node.lineno)
    ]
    assert not found, "\n".join(found)


# Written apart so that this file does not find itself.
UNWANTED = {
    "a note to do something later (do it, or open an issue)": re.compile(
        r"\b(TO" + r"DO|FIX" + r"ME)\b|\bXX" + r"X[: ]"
    ),
    "the host of a package registry": re.compile(
        r"pypi\." + r"org|python" + r"hosted|npm" + r"js\.|deb\.deb" + r"ian|crates\." + r"io"
    ),
    "a path of one machine": re.compile(r"(?<![\w.$}])/(wor" + r"k|ro" + r"ot|Us" + r"ers)/"),
}


def test_no_unwanted_text():
    found = [
        f"{name}:{number}: {what}"
        for name in tracked()
        for number, line in enumerate(text_of(name).splitlines(), 1)
        for what, pattern in UNWANTED.items()
        if pattern.search(line)
    ]
    assert not found, "\n".join(found)


def test_lock_files_name_no_address():
    locks = [name for name in tracked() if name.endswith((".lock", "-lock.json"))]
    assert locks
    found = [f"{name}: {match[0]}" for name in locks for match in re.finditer(r"https?://\S+", text_of(name))]
    assert not found, "\n".join(found)


def test_every_requirement_is_locked_with_hashes():
    for name in ("requirements.lock", "requirements-dev.lock"):
        entries = re.split(r"\n(?=\S)", text_of(name).strip())
        assert not [entry.splitlines()[0] for entry in entries if "==" not in entry or "--hash=sha256:" not in entry]


def test_scripts_are_executable_and_strict():
    scripts = [name for name in tracked() if name.startswith(("script/", ".ci/"))]
    assert scripts
    assert not [name for name in scripts if not os.access(ROOT / name, os.X_OK)]
    assert not [name for name in scripts if not name.endswith(".py") and "set -euo pipefail" not in text_of(name)]


def reference() -> str:
    return "\n".join(text_of(name) for name in tracked() if name.startswith("docs/reference/"))


def test_every_operation_is_in_the_reference():
    model = botocore.session.get_session().get_service_model("stepfunctions")
    text = reference()
    assert not [name for name in model.operation_names if f"`{name}`" not in text]


def test_the_reference_says_which_operations_are_performed():
    rows = re.findall(r"^\| `(\w+)` \| (yes|no) \|", text_of("docs/reference/api.md"), re.MULTILINE)
    assert {name for name, supported in rows if supported == "yes"} == set(OPERATIONS)


def test_every_limit_is_in_the_reference_with_its_default():
    rows = re.findall(r"^\| `(\w+)` \| (\d+) \|", text_of("docs/reference/settings.md"), re.MULTILINE)
    assert {name: int(value) for name, value in rows} == msgspec.structs.asdict(DEFAULT_LIMITS)


def test_every_error_of_the_language_is_in_the_reference():
    text = text_of("docs/reference/errors.md")
    names = {
        name
        for file in python("src/newel/engine/", "src/newel/runtime/")
        for name in re.findall(r'"(States\.[A-Z]\w+)"', text_of(file))
    }
    assert not [name for name in sorted(names) if f"`{name}`" not in text]


def test_every_optimized_integration_is_in_the_reference():
    text = text_of("docs/reference/language.md")
    targets = optimized_targets(None, None, None)
    assert not [name for name in targets if f"`arn:aws:states:::{name.partition('.')[0]}`" not in text]


def test_every_command_is_in_the_reference():
    commands = typer.main.get_command(app).commands
    text = reference()
    assert commands
    assert not [name for name in commands if f"`newel {name}" not in text]


def anchors(name: str) -> set[str]:
    """The fragments that the headings of a Markdown file answer to."""
    headings = re.findall(r"^#{1,6} (.+)$", text_of(name), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


def broken(name: str, target: str) -> bool:
    path, _, fragment = target.partition("#")
    file = (ROOT / name).parent / path if path else ROOT / name
    if not file.exists():
        return True
    return bool(fragment) and fragment not in anchors(os.path.relpath(file.resolve(), ROOT))


def test_links_resolve():
    found = [
        f"{name}: {target}"
        for name in tracked()
        if name.endswith(".md")
        for target in re.findall(
            r"\]\(([^)\s]+)\)|(?:src|href)=\"([^\"]+)\"",
            re.sub(r"```.*?```|`[^`\n]*`", "", text_of(name), flags=re.DOTALL),
        )
        for target in filter(None, target)
        if not re.match(r"https?:|mailto:", target) and broken(name, target)
    ]
    assert not found, "\n".join(found)
