"""IAM: roles and their policies."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import quote

from newel.api.credentials import Identity
from newel.api.query import Action, Parameters, QueryApi, members_of, need, values_of
from newel.errors import ServiceError
from newel.service.roles import Role, Roles

NAMESPACE: Final = "https://iam.amazonaws.com/doc/2010-05-08/"

Result = Mapping[str, Any] | None


def iam_api(roles: Roles) -> QueryApi:
    """The actions on roles; every other action is refused by name."""
    iam = _Iam(roles)
    names = """
        AttachRolePolicy CreateRole DeleteRole DeleteRolePermissionsBoundary DeleteRolePolicy DetachRolePolicy
        GetRole GetRolePolicy ListAttachedRolePolicies ListInstanceProfilesForRole ListRolePolicies ListRoleTags
        ListRoles PutRolePermissionsBoundary PutRolePolicy TagRole UntagRole UpdateAssumeRolePolicy UpdateRole
        UpdateRoleDescription
    """
    actions: dict[str, Action] = {name: getattr(iam, _snake(name)) for name in names.split()}
    return QueryApi("IAM", NAMESPACE, actions)


def _snake(name: str) -> str:
    return "".join(f"_{char.lower()}" if char.isupper() else char for char in name)[1:]


def _role(role: Role) -> dict[str, Any]:
    boundary = role.permissions_boundary
    return {
        "Path": role.path,
        "RoleName": role.name,
        "RoleId": role.id,
        "Arn": role.arn,
        "CreateDate": datetime.fromtimestamp(role.created_ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "AssumeRolePolicyDocument": quote(role.trust, safe=""),
        "Description": role.description or None,
        "MaxSessionDuration": role.session_seconds_max,
        "PermissionsBoundary": boundary
        and {"PermissionsBoundaryType": "PermissionsBoundaryPolicy", "PermissionsBoundaryArn": boundary},
        "Tags": _tags(role) or None,
    }


def _tags(role: Role) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in role.tags.items()]


def _tags_of(parameters: Parameters) -> dict[str, str]:
    return {tag.get("Key", ""): tag.get("Value", "") for tag in members_of(parameters, "Tags")}


def _session_seconds(parameters: Parameters) -> int:
    text = parameters.get("MaxSessionDuration", "3600")
    if not (text.isdecimal() and 3600 <= int(text[:9]) <= 43_200):
        message = f"1 validation error detected: Value '{text}' at 'maxSessionDuration' failed to satisfy constraint: "
        raise ServiceError("ValidationError", message + "Member must have value between 3600 and 43200")
    return int(text)


class _Iam:
    """Each method is one action."""

    def __init__(self, roles: Roles) -> None:
        self._roles = roles

    def create_role(self, who: Identity, p: Parameters) -> Result:
        name, trust = need(p, "RoleName"), need(p, "AssumeRolePolicyDocument")
        role = self._roles.create(who.caller.account, name, trust, path=p.get("Path") or "/")
        role.description = p.get("Description", "")
        role.session_seconds_max = _session_seconds(p)
        role.permissions_boundary = p.get("PermissionsBoundary")
        role.tags = _tags_of(p)
        return {"Role": _role(self._roles.keep(role))}

    def get_role(self, who: Identity, p: Parameters) -> Result:
        return {"Role": _role(self._get(who, p))}

    def _get(self, who: Identity, p: Parameters) -> Role:
        return self._roles.get(who.caller.account, need(p, "RoleName"))

    def list_roles(self, who: Identity, p: Parameters) -> Result:
        roles = self._roles.all(who.caller.account, p.get("PathPrefix") or "/")
        return {"Roles": [_role(role) for role in roles], "IsTruncated": False}

    def delete_role(self, who: Identity, p: Parameters) -> Result:
        self._roles.delete(who.caller.account, need(p, "RoleName"))
        return None

    def update_role(self, who: Identity, p: Parameters) -> Result:
        changes: dict[str, object] = {}
        if "Description" in p:
            changes["description"] = p["Description"]
        if "MaxSessionDuration" in p:
            changes["session_seconds_max"] = _session_seconds(p)
        self._change(who, p, **changes)
        return {}

    def update_role_description(self, who: Identity, p: Parameters) -> Result:
        return {"Role": _role(self._change(who, p, description=p.get("Description", "")))}

    def update_assume_role_policy(self, who: Identity, p: Parameters) -> Result:
        self._change(who, p, trust=need(p, "PolicyDocument"))
        return None

    def put_role_permissions_boundary(self, who: Identity, p: Parameters) -> Result:
        self._change(who, p, permissions_boundary=need(p, "PermissionsBoundary"))
        return None

    def delete_role_permissions_boundary(self, who: Identity, p: Parameters) -> Result:
        self._change(who, p, permissions_boundary=None)
        return None

    def _change(self, who: Identity, p: Parameters, **members: object) -> Role:
        return self._roles.change(who.caller.account, need(p, "RoleName"), **members)

    def put_role_policy(self, who: Identity, p: Parameters) -> Result:
        policy, document = need(p, "PolicyName"), need(p, "PolicyDocument")
        self._roles.put_policy(who.caller.account, need(p, "RoleName"), policy, document)
        return None

    def get_role_policy(self, who: Identity, p: Parameters) -> Result:
        name, policy = need(p, "RoleName"), need(p, "PolicyName")
        document = self._roles.policy(who.caller.account, name, policy)
        return {"RoleName": name, "PolicyName": policy, "PolicyDocument": quote(document, safe="")}

    def delete_role_policy(self, who: Identity, p: Parameters) -> Result:
        self._roles.delete_policy(who.caller.account, need(p, "RoleName"), need(p, "PolicyName"))
        return None

    def list_role_policies(self, who: Identity, p: Parameters) -> Result:
        return {"PolicyNames": sorted(self._get(who, p).policies), "IsTruncated": False}

    def attach_role_policy(self, who: Identity, p: Parameters) -> Result:
        self._roles.attach(who.caller.account, need(p, "RoleName"), need(p, "PolicyArn"))
        return None

    def detach_role_policy(self, who: Identity, p: Parameters) -> Result:
        self._roles.detach(who.caller.account, need(p, "RoleName"), need(p, "PolicyArn"))
        return None

    def list_attached_role_policies(self, who: Identity, p: Parameters) -> Result:
        attached = [{"PolicyName": arn.rpartition("/")[2], "PolicyArn": arn} for arn in self._get(who, p).attached]
        return {"AttachedPolicies": attached, "IsTruncated": False}

    def list_instance_profiles_for_role(self, who: Identity, p: Parameters) -> Result:
        """There are no instance profiles; tools that delete a role ask for them first."""
        self._get(who, p)
        return {"InstanceProfiles": [], "IsTruncated": False}

    def tag_role(self, who: Identity, p: Parameters) -> Result:
        self._change(who, p, tags={**self._get(who, p).tags, **_tags_of(p)})
        return None

    def untag_role(self, who: Identity, p: Parameters) -> Result:
        gone = set(values_of(p, "TagKeys"))
        self._change(who, p, tags={key: value for key, value in self._get(who, p).tags.items() if key not in gone})
        return None

    def list_role_tags(self, who: Identity, p: Parameters) -> Result:
        return {"Tags": _tags(self._get(who, p)), "IsTruncated": False}
