"""The AWS SDK integrations of a definition: whether their services and actions exist."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from newel.integrations.aws.catalog import check_resource, preload
from newel.language.diagnostics import DefinitionError, Diagnostic, error
from newel.language.loader import load_definition
from newel.language.resource import Resource, UnrecognizedResourceError, parse_resource
from newel.language.walk import states_of

_MARK: Final = "aws-sdk:"


async def preload_models(text: str) -> None:
    """Read the service models that `resource_errors` needs for a definition, off the event loop."""
    await preload(resource for _, resource in _resources(text))


def resource_errors(text: str) -> list[Diagnostic]:
    """An ERROR for each Task whose AWS SDK integration does not exist, in AWS's words."""
    found = ((location, check_resource(resource)) for location, resource in _resources(text))
    return [error(problem, location) for location, problem in found if problem is not None]


def _resources(text: str) -> Iterator[tuple[str, Resource]]:
    """The AWS SDK integrations and where they stand; nothing for a definition that does not load."""
    if _MARK not in text:
        return
    try:
        definition = load_definition(text)
    except DefinitionError:
        return
    for state in states_of(definition):
        value = state.node.get("Resource")
        if state.node.get("Type") == "Task" and isinstance(value, str) and _MARK in value:
            try:
                yield f"{state.location}/Resource", parse_resource(value)
            except UnrecognizedResourceError:
                continue  # reported already
