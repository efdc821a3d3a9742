"""Roles of IAM: enough to create, show and delete what templates and scripts create, kept in one JSON file.

Nothing is evaluated: a role says who an execution acts as, and its policies are kept as they were given.
"""

from __future__ import annotations

import os
import re
import secrets
import string
from pathlib import Path
from typing import Final

import msgspec

from newel.errors import ServiceError
from newel.json import InvalidJson, loads
from newel.ports.clock import Clock
from newel.ports.store import StoreUnavailable

_NAME: Final = re.compile(r"[\w+=,.@-]{1,64}", re.ASCII)
_PATH: Final = re.compile(r"/|/[\x21-\x7e]{1,510}/")
_ID_CHARACTERS: Final = string.ascii_uppercase + string.digits


class Role(msgspec.Struct, kw_only=True):
    """A role. `policies` are inline documents by name, `attached` ARNs of managed policies."""

    account: str
    name: str
    id: str
    path: str
    trust: str
    created_ms: int
    description: str = ""
    session_seconds_max: int = 3600
    permissions_boundary: str | None = None
    policies: dict[str, str] = {}
    attached: list[str] = []
    tags: dict[str, str] = {}

    @property
    def arn(self) -> str:
        return f"arn:aws:iam::{self.account}:role{self.path}{self.name}"


_decoder: Final = msgspec.json.Decoder(list[Role])


def _read(file: Path) -> list[Role]:
    try:
        return _decoder.decode(file.read_bytes())
    except (OSError, msgspec.DecodeError) as error:
        raise StoreUnavailable(f"the roles in {file} cannot be read: {error}") from None


def _malformed(what: str) -> ServiceError:
    return ServiceError("MalformedPolicyDocument", what)


def _check_document(text: str) -> None:
    try:
        document = loads(text)
    except InvalidJson:
        raise _malformed("This policy contains invalid Json") from None
    if not isinstance(document, dict) or "Statement" not in document:
        raise _malformed("Syntax errors in policy.")


class Roles:
    """All roles of a server. Every change replaces the file, so a crash leaves the old or the new one."""

    def __init__(self, file: Path, clock: Clock) -> None:
        """Raises `StoreUnavailable` for a file that cannot be read."""
        self._file = file
        self._clock = clock
        self._roles: dict[tuple[str, str], Role] = {}
        if file.exists():
            self._roles = {(role.account, role.name): role for role in _read(file)}

    def create(self, account: str, name: str, trust: str, *, path: str = "/") -> Role:
        """A role that is not kept before it is given to `keep`, so that further members can be set.

        Raises ValidationError, MalformedPolicyDocument, EntityAlreadyExists.
        """
        if not _NAME.fullmatch(name):
            raise ServiceError("ValidationError", f"The specified value for roleName is invalid: {name}")
        if not _PATH.fullmatch(path):
            raise ServiceError("ValidationError", f"The specified value for path is invalid: {path}")
        _check_document(trust)
        if (account, name) in self._roles:
            message = f"Role with name {name} already exists."
            raise ServiceError("EntityAlreadyExists", message, status=409)
        identity = "AROA" + "".join(secrets.choice(_ID_CHARACTERS) for _ in range(17))
        now = self._clock.now_ms()
        return Role(account=account, name=name, id=identity, path=path, trust=trust, created_ms=now)

    def keep(self, role: Role) -> Role:
        """Store a role as it is."""
        self._save({**self._roles, (role.account, role.name): role})
        return role

    def get(self, account: str, name: str) -> Role:
        """Raises NoSuchEntity."""
        role = self._roles.get((account, name))
        if role is None:
            raise _no_such_entity(f"The role with name {name} cannot be found.")
        return role

    def all(self, account: str, prefix: str = "/") -> list[Role]:
        """The roles of an account whose path starts with `prefix`, by name."""
        found = [role for (owner, _), role in self._roles.items() if owner == account and role.path.startswith(prefix)]
        return sorted(found, key=lambda role: role.name)

    def delete(self, account: str, name: str) -> None:
        """Raises NoSuchEntity, and DeleteConflict while policies are left."""
        role = self.get(account, name)
        if role.attached:
            message = "Cannot delete entity, must detach all policies first."
            raise ServiceError("DeleteConflict", message, status=409)
        if role.policies:
            message = "Cannot delete entity, must delete policies first."
            raise ServiceError("DeleteConflict", message, status=409)
        self._save({key: kept for key, kept in self._roles.items() if key != (account, name)})

    def change(self, account: str, name: str, **members: object) -> Role:
        """Set members of a role. Raises NoSuchEntity, MalformedPolicyDocument."""
        role = self.get(account, name)
        if "trust" in members:
            _check_document(str(members["trust"]))
        return self.keep(msgspec.structs.replace(role, **members))

    def put_policy(self, account: str, name: str, policy: str, document: str) -> None:
        _check_document(document)
        role = self.get(account, name)
        self.change(account, name, policies={**role.policies, policy: document})

    def policy(self, account: str, name: str, policy: str) -> str:
        """An inline policy's document. Raises NoSuchEntity."""
        role = self.get(account, name)
        if policy not in role.policies:
            raise _no_such_entity(f"The role policy with name {policy} cannot be found.")
        return role.policies[policy]

    def delete_policy(self, account: str, name: str, policy: str) -> None:
        self.policy(account, name, policy)
        kept = {key: text for key, text in self.get(account, name).policies.items() if key != policy}
        self.change(account, name, policies=kept)

    def attach(self, account: str, name: str, arn: str) -> None:
        role = self.get(account, name)
        if arn not in role.attached:
            self.change(account, name, attached=[*role.attached, arn])

    def detach(self, account: str, name: str, arn: str) -> None:
        role = self.get(account, name)
        if arn not in role.attached:
            raise _no_such_entity(f"Policy {arn} was not found.")
        self.change(account, name, attached=[other for other in role.attached if other != arn])

    def _save(self, roles: dict[tuple[str, str], Role]) -> None:
        """Replace the file, and only then what is in memory."""
        self._file.parent.mkdir(parents=True, exist_ok=True)
        fresh = self._file.with_suffix(".new")
        with fresh.open("wb") as file:
            file.write(msgspec.json.format(msgspec.json.encode(list(roles.values()))))
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self._file)
        self._roles = roles


def _no_such_entity(message: str) -> ServiceError:
    return ServiceError("NoSuchEntity", message, status=404)
