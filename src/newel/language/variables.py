"""Which variables the states of a machine read: DescribeStateMachine's `variableReferences`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from msgspec import UNSET

from newel.expr.references import referenced_variables
from newel.json import Json
from newel.language import model
from newel.language.fields import BY_OWNER, Field, QueryLanguage

#: Kinds of value that can name a variable.
_READING: Final = frozenset(("path", "reference_path", "value_path", "template", "assign", "items"))


def variable_references(machine: model.Workflow) -> dict[str, list[str]]:
    """State name -> names, sorted, of the variables it reads; states nested in Map and Parallel are listed like the
    others, and states that read none are left out.
    """
    found: dict[str, list[str]] = {}
    for state in states_of(machine):
        names: set[str] = set()
        for value in _values(state.type, state, state.query_language):
            names |= referenced_variables(value, state.query_language)
        if names:
            found[state.name] = sorted(names)
    return found


def states_of(workflow: model.Workflow) -> Iterator[model.State]:
    """Every state of a workflow, each followed by those nested in it."""
    for state in workflow.states.values():
        yield state
        if isinstance(state, model.Parallel):
            for branch in state.branches:
                yield from states_of(branch)
        elif isinstance(state, model.Map):
            yield from states_of(state.item_processor)


def _values(owner: str, node: model.Node, language: QueryLanguage) -> Iterator[Json]:
    """What a node of the model holds that can name variables, and what the nodes in it hold; nested states excluded."""
    for row in BY_OWNER[owner].values():
        value = getattr(node, row.attribute, UNSET)
        if value is UNSET or value is None:
            continue
        if row.of is not None:
            for item in value if isinstance(value, tuple) else (value,):
                yield from _nested(row.of, item, language)
        elif _reads(row, language):
            yield value
    if isinstance(node, model.Choice):
        yield from _rule_values(node.rule)


def _nested(owner: str, item: Json, language: QueryLanguage) -> Iterator[Json]:
    if isinstance(item, model.Workflow):
        return
    if isinstance(item, model.Node):
        yield from _values(owner, item, language)
    elif isinstance(item, dict):
        rows = BY_OWNER[owner]
        yield from (value for name, value in item.items() if name in rows and _reads(rows[name], language))
    else:
        yield item


def _rule_values(rule: model.Rule) -> Iterator[Json]:
    match rule:
        case model.Condition(expression=expression):
            yield expression
        case model.Comparison(variable=variable, operator=operator, operand=operand):
            yield variable
            if operator.endswith("Path"):
                yield operand
        case model.BooleanRule(operands=operands):
            for operand in operands:
                yield from _rule_values(operand)


def _reads(row: Field, language: QueryLanguage) -> bool:
    return row.kind in _READING or (row.query and language == "JSONata")
