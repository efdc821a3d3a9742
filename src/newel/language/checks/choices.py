"""Choice rules: exactly one of And, Or, Not, Variable and Condition; a Variable has exactly one comparison."""

from __future__ import annotations

from newel.json import Json
from newel.language.checks.report import Context
from newel.language.fields import OPERATORS, RULE_SELECTORS


def check_rule(rule: dict[str, Json], location: str, context: Context) -> None:
    """Check one rule, top-level or nested; what is inside And, Or and Not is visited by the table."""
    selectors = [name for name in RULE_SELECTORS if name in rule]
    if len(selectors) != 1:
        context.report.error(
            f"The object must have only one of the following fields, [{', '.join(RULE_SELECTORS)}]", location
        )
        return
    comparisons = [name for name in rule if name in OPERATORS]
    if context.language == "JSONata" or len(comparisons) == (selectors == ["Variable"]):
        return
    operators = ", ".join(OPERATORS)
    if selectors != ["Variable"]:
        for name in comparisons:
            context.report.error(f"Field '{name}' is not supported", location)
    elif comparisons:
        context.report.error(f"There should only be one of the following fields: [{operators}]", location)
    else:
        context.report.error(f"This object should have only one of the following fields: [{operators}]", location)
