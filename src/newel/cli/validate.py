"""`newel validate`: what the validator finds in definition files, each finding with its line and column."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated, NamedTuple

import typer
from rich.text import Text

from newel.cli.files import Definition, read_definition
from newel.cli.output import ExitCode, print_json, stdout
from newel.json import Json
from newel.language.diagnostics import DefinitionError, Diagnostic
from newel.language.loader import duplicate_fields
from newel.language.located import SOURCE, locate
from newel.language.validate import validate_machine


class MachineType(StrEnum):
    STANDARD = "STANDARD"
    EXPRESS = "EXPRESS"


class Finding(NamedTuple):
    """A diagnostic in its file; line and column count from one."""

    file: str
    diagnostic: Diagnostic
    line: int
    column: int

    def record(self) -> dict[str, Json]:
        """The finding as `--json` shows it."""
        diagnostic = self.diagnostic
        return {
            "file": self.file,
            "line": self.line,
            "column": self.column,
            "severity": diagnostic.severity,
            "code": diagnostic.code,
            "message": diagnostic.message,
            "location": diagnostic.location,
        }

    def line_of_text(self) -> Text:
        """`order.asl.json:12:7: error SCHEMA_VALIDATION_FAILED: … (/States/A)`, as editors and CI understand it."""
        diagnostic = self.diagnostic
        error = diagnostic.severity == "ERROR"
        # Jackson quotes the whole text; in a line for people the place in it is enough.
        message = " ".join(SOURCE.sub(r"line \1, column \2", diagnostic.message).split())
        broken = diagnostic.location is None or SOURCE.fullmatch(diagnostic.location)
        where = "" if broken else f" ({diagnostic.location})"
        return Text.assemble(
            (f"{self.file}:{self.line}:{self.column}: ", "bold"),
            ("error " if error else "warning ", "red" if error else "yellow"),
            f"{diagnostic.code}: {message}{where}",
        )


def validate(
    files: Annotated[list[str], typer.Argument(help="Definitions in JSON or YAML; - reads stdin.")],
    machine_type: Annotated[MachineType, typer.Option("--type", help="What the definition is for.")] = (
        MachineType.STANDARD
    ),
    as_json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False,
) -> None:
    """Check definitions and print every finding with its line and column.

    Warnings do not make a definition invalid. Exit code 1 if there is an error.
    """
    findings = [finding for name in files for finding in check(read_definition(name), machine_type)]
    invalid = any(finding.diagnostic.severity == "ERROR" for finding in findings)
    if as_json:
        print_json({"result": "FAIL" if invalid else "OK", "diagnostics": [finding.record() for finding in findings]})
    else:
        _print(files, findings)
    raise typer.Exit(ExitCode.NEGATIVE if invalid else ExitCode.OK)


def check(definition: Definition, machine_type: MachineType, *, tolerant: bool = True) -> list[Finding]:
    """The findings of one definition in the order of their lines.

    `tolerant` accepts a substitution (`${Name}`) that a template will fill in wherever a value may stand.
    """
    diagnostics = _diagnostics(definition, machine_type, tolerant=tolerant)
    return [
        Finding(definition.name, *located) for located in locate(definition.text, diagnostics, yaml=definition.yaml)
    ]


def _diagnostics(definition: Definition, machine_type: MachineType, *, tolerant: bool) -> Sequence[Diagnostic]:
    try:
        document = definition.load()
    except DefinitionError as error:
        return error.diagnostics
    diagnostics = validate_machine(document, machine_type.value, tolerant=tolerant)
    # A YAML reader refuses a second key of the same name; a JSON reader keeps the last.
    return diagnostics if definition.yaml else [*diagnostics, *duplicate_fields(definition.text)]


def _print(files: Sequence[str], findings: Sequence[Finding]) -> None:
    console = stdout()
    for finding in findings:
        console.print(finding.line_of_text())
    errors = sum(finding.diagnostic.severity == "ERROR" for finding in findings)
    warnings = len(findings) - errors
    checked = "1 definition" if len(files) == 1 else f"{len(files)} definitions"
    console.print(f"{checked}: {_count(errors, 'error')}, {_count(warnings, 'warning')}")


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
