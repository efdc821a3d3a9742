"""EventBridge connections: the operations of the API, and their use by HTTP Tasks."""

from __future__ import annotations

import asyncio
import logging
import secrets
import string
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from newel.errors import ServiceError, StatesError
from newel.json import dumps, loads
from newel.ports.clock import Clock
from newel.ports.connections import ERROR_PREFIX, AuthorizationError, Authorizer, Connection
from newel.service import connections_parameters as parameters
from newel.service.connections_records import ConnectionFile, ConnectionRecord
from newel.service.core import Answer, Caller, Request, seconds
from newel.service.pages import PageTokens
from newel.service.vault import UnreadableSecretError, Vault

logger = logging.getLogger(__name__)

CONNECTIONS_MAX: Final = 3_000  # per account and region (EventBridge quotas)
_PAGE: Final = 100
_TOKEN_HOURS: Final = 24
_OAUTH: Final = "OAUTH_CLIENT_CREDENTIALS"
_SUFFIX_CHARACTERS: Final = string.ascii_letters + string.digits
_UNREADABLE: Final = "The secret of the connection cannot be read."


class Connections:
    """All connections of a server; implements `ports.connections.Connections`.

    With OAuth a connection is AUTHORIZING until a first token was got, which happens in the background.
    """

    def __init__(self, folder: Path, clock: Clock, authorizer: Authorizer) -> None:
        """Kept in `folder` as `connections.json`, sealed under `connections.key`. Raises `StoreUnavailable`."""
        self._file = ConnectionFile(folder / "connections.json")
        self._vault = Vault(folder / "connections.key")
        self._clock = clock
        self._authorizer = authorizer
        self._tokens = PageTokens(clock, _TOKEN_HOURS)
        self._background: dict[str, asyncio.Task[None]] = {}
        self.operations: Mapping[str, Callable[[Caller, Request], Answer]] = {
            "CreateConnection": self.create,
            "DeauthorizeConnection": self.deauthorize,
            "DeleteConnection": self.delete,
            "DescribeConnection": self.describe,
            "ListConnections": self.list_page,
            "UpdateConnection": self.update,
        }

    async def open(self) -> None:
        """Go on authorizing what a stop interrupted."""
        for record in self._file.all():
            if record.state == "AUTHORIZING":
                self._authorize(record)

    async def close(self) -> None:
        """Stop authorizing; it goes on at the next start."""
        tasks = list(self._background.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    # --- the operations of the API

    def create(self, caller: Caller, request: Request) -> Answer:
        """CreateConnection."""
        name, kind, given = request["Name"], request["AuthorizationType"], request["AuthParameters"]
        parameters.check_parameters(kind, given)
        if self._file.get((caller.account, caller.region, name)) is not None:
            raise ServiceError("ResourceAlreadyExistsException", f"Connection {name} already exists.")
        if len(self._owned(caller)) >= CONNECTIONS_MAX:
            message = f"The requested resource exceeds the maximum number allowed: {CONNECTIONS_MAX}"
            raise ServiceError("LimitExceededException", message)
        now = self._clock.now_ms()
        record = ConnectionRecord(
            partition=caller.partition,
            account=caller.account,
            region=caller.region,
            name=name,
            id=str(uuid.uuid4()),
            secret_suffix="".join(secrets.choice(_SUFFIX_CHARACTERS) for _ in range(6)),
            authorization_type=kind,
            state="",
            revision="",
            created_ms=now,
            modified_ms=now,
            description=request.get("Description"),
            kms_key=request.get("KmsKeyIdentifier"),
            resource_configuration=parameters.resource_configuration(request.get("InvocationConnectivityParameters")),
        )
        return _brief(self._authorized(record, given))

    def update(self, caller: Caller, request: Request) -> Answer:
        """UpdateConnection: what the request leaves out stays as it is."""
        old = self._get(caller, request["Name"])
        record = msgspec.structs.replace(
            old,
            modified_ms=self._clock.now_ms(),
            description=request.get("Description", old.description),
            kms_key=request.get("KmsKeyIdentifier", old.kms_key),
            authorization_type=request.get("AuthorizationType", old.authorization_type),
        )
        if "InvocationConnectivityParameters" in request:
            arn = parameters.resource_configuration(request["InvocationConnectivityParameters"])
            record = msgspec.structs.replace(record, resource_configuration=arn)
        if "AuthorizationType" not in request and "AuthParameters" not in request:
            self._check_resources(record.resource_configuration)
            self._file.put(record)
            return _brief(record)
        given = parameters.updated(record.authorization_type, self._parameters(old), request.get("AuthParameters", {}))
        parameters.check_parameters(record.authorization_type, given)
        return _brief(self._authorized(record, given))

    def describe(self, caller: Caller, request: Request) -> Answer:
        """DescribeConnection: no secret is in the answer."""
        record = self._get(caller, request["Name"])
        given = self._parameters(record)
        shown = None if given is None else parameters.shown(given, lambda arn: _connectivity(record, arn))
        reached = record.resource_configuration
        return _present(
            ConnectionArn=record.arn,
            Name=record.name,
            Description=record.description,
            InvocationConnectivityParameters=None if reached is None else _connectivity(record, reached),
            ConnectionState=record.state,
            StateReason=record.state_reason,
            AuthorizationType=record.authorization_type,
            SecretArn=None if record.sealed is None else record.secret_arn,
            KmsKeyIdentifier=record.kms_key,
            AuthParameters=shown,
            **_times(record),
        )

    def deauthorize(self, caller: Caller, request: Request) -> Answer:
        """DeauthorizeConnection: remove the authorization parameters for good."""
        record = self._get(caller, request["Name"])
        self._stop(record)
        gone = self._without_parameters(record)
        self._file.put(gone)
        return _brief(gone, "DEAUTHORIZING")

    def delete(self, caller: Caller, request: Request) -> Answer:
        """DeleteConnection."""
        record = self._get(caller, request["Name"])
        self._stop(record)
        self._file.remove(record.key)
        return _brief(record, "DELETING")

    def list_page(self, caller: Caller, request: Request) -> Answer:
        """ListConnections: by name, a page at a time."""
        filters = {key: request[key] for key in ("NamePrefix", "ConnectionState") if key in request}
        try:
            after = self._tokens.read("ListConnections", {**filters, "nextToken": request.get("NextToken")}) or ""
        except ServiceError:
            raise ServiceError("ValidationException", "The value of NextToken is not valid.") from None
        found = [
            record
            for record in self._owned(caller)
            if record.name > after
            and record.name.startswith(request.get("NamePrefix", ""))
            and record.state == request.get("ConnectionState", record.state)
        ]
        size = request.get("Limit", _PAGE)
        answer: Answer = {"Connections": [_listed(record) for record in found[:size]]}
        if len(found) > size:
            answer["NextToken"] = self._tokens.issue("ListConnections", filters, found[size - 1].name)
        return answer

    # --- the port

    def use(self, arn: str) -> Connection:
        """See `ports.connections.Connections.use`."""
        record = self._by_arn(arn)
        if record is None:
            raise StatesError(f"{ERROR_PREFIX}ResourceNotFound", f"The connection {arn} does not exist.")
        if record.state == "AUTHORIZING":
            raise StatesError(f"{ERROR_PREFIX}AuthInProgress", f"The connection {arn} is being authorized.")
        given = self._parameters(record)
        if record.state != "AUTHORIZED" or given is None:
            reason = f" {record.state_reason}" if record.state_reason else ""
            message = f"The connection {arn} is in the state {record.state}.{reason}"
            raise StatesError(f"{ERROR_PREFIX}InvalidConnectionState", message)
        return _usable(record, given)

    def deauthorized(self, connection: Connection, reason: str) -> None:
        """See `ports.connections.Connections.deauthorized`."""
        self._settle(connection, "DEAUTHORIZED", reason)

    # --- authorization

    def _authorized(self, record: ConnectionRecord, given: Mapping[str, Any]) -> ConnectionRecord:
        """Keep the record with new parameters; with OAuth, begin to authorize it."""
        private = parameters.resource_configuration(given.get("ConnectivityParameters"))
        self._check_resources(record.resource_configuration, private)
        self._stop(record)
        oauth = record.authorization_type == _OAUTH
        fresh = msgspec.structs.replace(
            record,
            state="AUTHORIZING" if oauth else "AUTHORIZED",
            state_reason=None,
            revision=str(uuid.uuid4()),
            authorized_ms=record.authorized_ms if oauth else record.modified_ms,
            sealed=self._vault.seal(dumps(given).encode(), record.context),
        )
        self._file.put(fresh)
        if oauth:
            self._authorize(fresh)
        return fresh

    def _check_resources(self, *arns: str | None) -> None:
        for arn in arns:
            if arn is not None and not self._authorizer.reaches(arn):
                message = f"The resource configuration {arn} does not exist: no egress route of this server has it."
                raise ServiceError("ResourceNotFoundException", message)

    def _authorize(self, record: ConnectionRecord) -> None:
        given = self._parameters(record)
        if given is None:
            self._file.put(self._without_parameters(record, _UNREADABLE))
            return
        task = asyncio.get_running_loop().create_task(self._get_token(_usable(record, given)))
        self._background[record.arn] = task
        task.add_done_callback(lambda done: self._ended(record.arn, done))

    def _ended(self, arn: str, task: asyncio.Task[None]) -> None:
        if self._background.get(arn) is task:
            del self._background[arn]

    async def _get_token(self, connection: Connection) -> None:
        try:
            await self._authorizer.authorize(connection)
        except AuthorizationError as error:
            self._settle(connection, "DEAUTHORIZED", error.reason)
        except Exception:  # the connection must not stay AUTHORIZING for ever because of a bug
            logger.exception("authorizing the connection %s failed", connection.arn)
            self._settle(connection, "DEAUTHORIZED", "The connection could not be authorized because of a bug.")
        else:
            self._settle(connection, "AUTHORIZED", None)

    def _settle(self, connection: Connection, state: str, reason: str | None) -> None:
        """Set the state of a connection, unless it was changed or removed in between."""
        record = self._by_arn(connection.arn)
        if record is None or record.revision != connection.revision:
            return
        now = self._clock.now_ms()
        changes = {"authorized_ms": now} if state == "AUTHORIZED" else {}
        self._file.put(msgspec.structs.replace(record, state=state, state_reason=reason, modified_ms=now, **changes))

    def _stop(self, record: ConnectionRecord) -> None:
        """Let go of what belongs to the record's present authorization."""
        task = self._background.pop(record.arn, None)
        if task is not None:
            task.cancel()
        self._authorizer.forget(record.arn)

    def _without_parameters(self, record: ConnectionRecord, reason: str | None = None) -> ConnectionRecord:
        return msgspec.structs.replace(
            record,
            state="DEAUTHORIZED",
            state_reason=reason,
            sealed=None,
            revision=str(uuid.uuid4()),
            modified_ms=self._clock.now_ms(),
        )

    # --- records

    def _get(self, caller: Caller, name: str) -> ConnectionRecord:
        record = self._file.get((caller.account, caller.region, name))
        if record is None:
            message = f"Failed to describe the connection(s). Connection '{name}' does not exist."
            raise ServiceError("ResourceNotFoundException", message)
        return record

    def _owned(self, caller: Caller) -> list[ConnectionRecord]:
        owner = (caller.account, caller.region)
        found = [record for record in self._file.all() if (record.account, record.region) == owner]
        return sorted(found, key=lambda record: record.name)

    def _by_arn(self, arn: str) -> ConnectionRecord | None:
        parts = arn.split(":", 5)  # arn:aws:events:us-east-1:123456789012:connection/name/id
        path = parts[-1].split("/")
        if len(parts) != 6 or len(path) != 3:
            return None
        record = self._file.get((parts[4], parts[3], path[1]))
        return record if record is not None and record.arn == arn else None

    def _parameters(self, record: ConnectionRecord) -> dict[str, Any] | None:
        """The authorization parameters, unless they were removed or cannot be read."""
        if record.sealed is None:
            return None
        try:
            opened: dict[str, Any] = loads(self._vault.open(record.sealed, record.context))
        except UnreadableSecretError:
            return None
        return opened


def _usable(record: ConnectionRecord, given: Mapping[str, Any]) -> Connection:
    return Connection(
        arn=record.arn,
        revision=record.revision,
        credentials=parameters.credentials(record.authorization_type, given),
        parameters=parameters.http_parameters(given.get("InvocationHttpParameters", {})),
        resource_configuration=record.resource_configuration,
    )


def _brief(record: ConnectionRecord, state: str | None = None) -> Answer:
    """What the operations that change a connection answer."""
    return _present(ConnectionArn=record.arn, ConnectionState=state or record.state, **_times(record))


def _listed(record: ConnectionRecord) -> Answer:
    return _present(
        ConnectionArn=record.arn,
        Name=record.name,
        ConnectionState=record.state,
        StateReason=record.state_reason,
        AuthorizationType=record.authorization_type,
        **_times(record),
    )


def _times(record: ConnectionRecord) -> Answer:
    return {
        "CreationTime": seconds(record.created_ms),
        "LastModifiedTime": seconds(record.modified_ms),
        "LastAuthorizedTime": None if record.authorized_ms is None else seconds(record.authorized_ms),
    }


def _connectivity(record: ConnectionRecord, arn: str) -> Answer:
    """A private resource with its association, which EventBridge makes and we name after the connection."""
    association = f"snra-{record.id.replace('-', '')[:17]}"
    owner = f"arn:{record.partition}:vpc-lattice:{record.region}:{record.account}"
    return {
        "ResourceParameters": {
            "ResourceConfigurationArn": arn,
            "ResourceAssociationArn": f"{owner}:servicenetworkresourceassociation/{association}",
        }
    }


def _present(**members: Any) -> Answer:
    return {name: value for name, value in members.items() if value is not None}
