"""Resource policies and tags of functions."""

from __future__ import annotations

import re
from typing import Any, Final

import msgspec

from newel.functions.model import Function
from newel.functions.names import LATEST, FunctionName, parse_name
from newel.json import dumps
from newel.service.functions_call import Call, check_revision, conflict, invalid, missing, new_revision

_TAGS_MAX: Final = 50


async def add_permission(call: Call) -> dict[str, Any]:
    statement_id = call.needed("StatementId")
    name = call.name()
    statement = _statement(call, name, statement_id)
    key = name.qualifier or ""

    def edit(function: Function) -> Function:
        _check_qualifier(function, name)
        statements = function.policies.get(key, [])
        if statements:
            check_revision(call, function.policy_revisions[key])
        if any(item["Sid"] == statement_id for item in statements):
            raise conflict(
                f"The statement id ({statement_id}) provided already exists. Please provide a new statement id, or "
                "remove the existing statement."
            )
        return _with_policy(function, key, [*statements, statement])

    await call.change(name, edit)
    return {"Statement": dumps(statement)}


def _check_qualifier(function: Function, name: FunctionName) -> None:
    qualifier = name.qualifier
    if qualifier == LATEST:
        raise invalid("We currently do not support adding policies for $LATEST.")
    if qualifier is not None and qualifier not in function.aliases and qualifier not in function.versions:
        raise missing(f"Function not found: {name.qualified_arn}")


def _with_policy(function: Function, key: str, statements: list[dict[str, Any]]) -> Function:
    return msgspec.structs.replace(
        function,
        policies=function.policies | {key: statements},
        policy_revisions=function.policy_revisions | {key: new_revision()},
    )


def _statement(call: Call, name: FunctionName, statement_id: str) -> dict[str, Any]:
    statement: dict[str, Any] = {
        "Sid": statement_id,
        "Effect": "Allow",
        "Principal": _principal(call.needed("Principal")),
        "Action": call.needed("Action"),
        "Resource": name.qualified_arn,
    }
    conditions: dict[str, dict[str, Any]] = {}
    for member, operator, key in (
        ("SourceAccount", "StringEquals", "AWS:SourceAccount"),
        ("PrincipalOrgID", "StringEquals", "aws:PrincipalOrgID"),
        ("EventSourceToken", "StringEquals", "lambda:EventSourceToken"),
        ("FunctionUrlAuthType", "StringEquals", "lambda:FunctionUrlAuthType"),
        ("SourceArn", "ArnLike", "AWS:SourceArn"),
    ):
        value = call.text(member)
        if value is not None:
            conditions.setdefault(operator, {})[key] = value
    if call.members.get("InvokedViaFunctionUrl") is not None:
        conditions["Bool"] = {"lambda:InvokedViaFunctionUrl": str(call.members["InvokedViaFunctionUrl"]).lower()}
    return statement | ({"Condition": conditions} if conditions else {})


def _principal(text: str) -> Any:
    if text == "*":
        return "*"
    if re.fullmatch(r"\d{12}", text):
        return {"AWS": f"arn:aws:iam::{text}:root"}
    if text.startswith("arn:"):
        return {"AWS": text}
    if re.fullmatch(r"[a-z0-9.-]+\.(amazonaws\.com|amazon\.com|aws\.internal)", text):
        return {"Service": text}
    raise invalid("The provided principal was invalid. Please check the principal and try again.")


async def get_policy(call: Call) -> dict[str, Any]:
    name = call.name()
    function = call.host.catalog.get(name)
    key = name.qualifier or ""
    statements = function.policies.get(key)
    if not statements:
        raise missing("The resource you requested does not exist.")
    policy = {"Version": "2012-10-17", "Id": "default", "Statement": statements}
    return {"Policy": dumps(policy), "RevisionId": function.policy_revisions[key]}


async def remove_permission(call: Call) -> dict[str, Any]:
    statement_id = call.needed("StatementId")
    name = call.name()
    key = name.qualifier or ""

    def edit(function: Function) -> Function:
        statements = function.policies.get(key, [])
        kept = [item for item in statements if item["Sid"] != statement_id]
        if len(kept) == len(statements):
            raise missing(f"Statement {statement_id} is not found in resource policy.")
        check_revision(call, function.policy_revisions[key])
        return _with_policy(function, key, kept)

    await call.change(name, edit)
    return {}


def _tagged(call: Call) -> FunctionName:
    arn = call.needed("Resource")
    name = parse_name(arn, account=call.account, region=call.region)
    if not arn.startswith("arn:") or name.qualifier is not None:
        raise invalid("Tags on function aliases and versions are not supported. Please specify a function ARN.")
    return name


async def list_tags(call: Call) -> dict[str, Any]:
    return {"Tags": call.host.catalog.get(_tagged(call)).tags}


async def tag_resource(call: Call) -> dict[str, Any]:
    tags = call.members.get("Tags")
    if not isinstance(tags, dict) or not all(isinstance(value, str) for value in tags.values()):
        raise invalid("Tags must be a map of strings.")

    def edit(function: Function) -> Function:
        merged = function.tags | tags
        if len(merged) > _TAGS_MAX:
            raise invalid(f"The function has more than {_TAGS_MAX} tags.")
        return msgspec.structs.replace(function, tags=merged)

    await call.change(_tagged(call), edit)
    return {}


async def untag_resource(call: Call) -> dict[str, Any]:
    keys = call.members.get("TagKeys") or []

    def edit(function: Function) -> Function:
        return msgspec.structs.replace(function, tags={k: v for k, v in function.tags.items() if k not in keys})

    await call.change(_tagged(call), edit)
    return {}
