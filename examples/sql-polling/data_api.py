"""A small Redshift Data API: ExecuteStatement, DescribeStatement and GetStatementResult.

    python examples/sql-polling/data_api.py [--database auto|postgres|sqlite]

Statements run in the background, in sessions that are kept for `SessionKeepAliveSeconds` after their last statement.
One session is one connection to the database, so temporary tables live as long as it does. Credentials are not checked.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import threading
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))
import driver
from databases import Database, Session, database
from postgres import DatabaseError, Result

KEEP_ALIVE_SECONDS_MAX = 86_400
SESSIONS_MAX = 500
_INTEGERS = frozenset({"int2", "int4", "int8"})
_FLOATS = frozenset({"float4", "float8"})


class Refused(Exception):
    """An error of the API: its code and its message."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass
class OpenSession:
    """`until` is when an idle session ends (monotonic seconds)."""

    session: Session
    keep_alive: int
    until: float
    busy: bool = False
    id: str = field(default_factory=lambda: str(uuid.uuid4()))


@dataclass
class Statement:
    """One statement, from SUBMITTED to FINISHED or FAILED."""

    sql: str
    session: OpenSession
    place: dict[str, Any]
    created: float = field(default_factory=time.time)
    updated: float = field(default_factory=time.time)
    status: str = "SUBMITTED"
    error: str | None = None
    result: Result | None = None
    id: str = field(default_factory=lambda: str(uuid.uuid4()))


class DataApi:
    """The operations; every one takes a request's members and gives an answer's."""

    def __init__(self, found: Database) -> None:
        self._database = found
        self._lock = threading.Lock()
        self._sessions: dict[str, OpenSession] = {}
        self._statements: dict[str, Statement] = {}

    def perform(self, operation: str, given: dict[str, Any]) -> dict[str, Any]:
        """Raises `Refused`."""
        with self._lock:
            self._end_sessions()
            match operation:
                case "ExecuteStatement":
                    return self._execute(given)
                case "DescribeStatement":
                    return self._describe(self._statement(given))
                case "GetStatementResult":
                    return self._result(self._statement(given))
        raise Refused("ValidationException", f"this Data API has no {operation}")

    def _execute(self, given: dict[str, Any]) -> dict[str, Any]:
        keep_alive = given.get("SessionKeepAliveSeconds", 0)
        if not 0 <= keep_alive <= KEEP_ALIVE_SECONDS_MAX:
            raise Refused("ValidationException", f"SessionKeepAliveSeconds must be 0 to {KEEP_ALIVE_SECONDS_MAX}.")
        session = self._session_of(given, keep_alive)
        session.keep_alive = given.get("SessionKeepAliveSeconds", session.keep_alive)
        place = {key: given[key] for key in ("WorkgroupName", "ClusterIdentifier", "Database") if key in given}
        statement = Statement(given["Sql"], session, place)
        self._statements[statement.id] = statement
        session.busy = True
        parameters = {parameter["name"]: parameter["value"] for parameter in given.get("Parameters", [])}
        threading.Thread(target=self._run, args=(statement, parameters), daemon=True).start()
        told = {"SessionId": session.id} if session.keep_alive else {}
        return {"Id": statement.id, "CreatedAt": statement.created, **place, **told}

    def _session_of(self, given: dict[str, Any], keep_alive: int) -> OpenSession:
        """The session that the request names, or a new one."""
        name = given.get("SessionId")
        if name is None:
            if "Database" not in given or ("WorkgroupName" in given) == ("ClusterIdentifier" in given):
                raise Refused("ValidationException", "A database and one of workgroup and cluster are needed.")
            if len(self._sessions) >= SESSIONS_MAX:
                raise Refused("ActiveSessionsExceededException", "There are too many sessions.")
            opened = OpenSession(self._database.session(), keep_alive, time.monotonic())
            self._sessions[opened.id] = opened
            return opened
        if any(key in given for key in ("Database", "WorkgroupName", "ClusterIdentifier")):
            raise Refused("ValidationException", "A session has its database and its workgroup already.")
        found = self._sessions.get(name)
        if found is None:
            raise Refused("ValidationException", "Session is not available.")
        if found.busy:
            raise Refused("ValidationException", "The session is busy with another statement.")
        return found

    def _run(self, statement: Statement, parameters: Mapping[str, str]) -> None:
        statement.status = "STARTED"
        try:
            statement.result = statement.session.session.execute(statement.sql, parameters)
            status = "FINISHED"
        except DatabaseError as error:
            statement.error, status = str(error), "FAILED"
        with self._lock:
            statement.status, statement.updated = status, time.time()
            statement.session.busy = False
            statement.session.until = time.monotonic() + statement.session.keep_alive

    def _end_sessions(self) -> None:
        """Close what has been idle for too long."""
        now = time.monotonic()
        for name, session in list(self._sessions.items()):
            if not session.busy and session.until < now:
                del self._sessions[name]
                session.session.close()

    def _statement(self, given: dict[str, Any]) -> Statement:
        if given["Id"] not in self._statements:
            raise Refused("ResourceNotFoundException", "Query does not exist.")
        return self._statements[given["Id"]]

    def _describe(self, statement: Statement) -> dict[str, Any]:
        result = statement.result
        told: dict[str, Any] = {
            "Id": statement.id,
            "Status": statement.status,
            "QueryString": statement.sql,
            "CreatedAt": statement.created,
            "UpdatedAt": statement.updated,
            "Duration": int((statement.updated - statement.created) * 1e9),
            "HasResultSet": result is not None and result.columns is not None,
            "RedshiftPid": statement.session.session.pid,
            **statement.place,
        }
        if statement.session.keep_alive:
            told["SessionId"] = statement.session.id
        if result is not None:
            told["ResultRows"] = result.count
        return told if statement.error is None else {**told, "Error": statement.error}

    def _result(self, statement: Statement) -> dict[str, Any]:
        result = statement.result
        if result is None or result.columns is None:
            raise Refused("ResourceNotFoundException", "Query does not have result. Please check query status.")
        kinds = [kind for _, kind in result.columns]
        return {
            "ColumnMetadata": [{"name": name, "label": name, "typeName": kind} for name, kind in result.columns],
            "Records": [[_field(value, kind) for value, kind in zip(row, kinds, strict=True)] for row in result.rows],
            "TotalNumRows": len(result.rows),
        }


def _field(value: str | None, kind: str) -> dict[str, Any]:
    """A value in the member of its type."""
    if value is None:
        return {"isNull": True}
    if kind in _INTEGERS:
        return {"longValue": int(value)}
    if kind in _FLOATS:
        return {"doubleValue": float(value)}
    return {"booleanValue": value == "t"} if kind == "bool" else {"stringValue": value}


def handler_of(api: DataApi) -> type[BaseHTTPRequestHandler]:
    """AWS's JSON protocol 1.1: the operation is in a header, its members in the body."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            given = json.loads(self.rfile.read(int(self.headers["Content-Length"])) or b"{}")
            operation = self.headers["X-Amz-Target"].removeprefix("RedshiftData.")
            try:
                self._answer(200, api.perform(operation, given))
            except Refused as refused:
                self._answer(400, {"__type": refused.code, "Message": str(refused)})
            except DatabaseError as error:
                self._answer(400, {"__type": "ExecuteStatementException", "Message": str(error)})

        def _answer(self, status: int, body: dict[str, Any]) -> None:
            data = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/x-amz-json-1.1")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *args: Any) -> None:
            """Be silent."""

    return Handler


def _stop(*_: object) -> None:
    raise KeyboardInterrupt


def main() -> None:
    """Serve at the port of `newel.toml` until interrupted."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--database", choices=("auto", "postgres", "sqlite"), default="auto")
    signal.signal(signal.SIGTERM, _stop)
    with database(parser.parse_args().database) as found:
        server = ThreadingHTTPServer(("127.0.0.1", driver.port_of(HERE, "redshift-data")), handler_of(DataApi(found)))
        print(f"The Data API answers at {server.server_address[0]}:{server.server_port}, on {found.name}.", flush=True)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            server.server_close()


if __name__ == "__main__":
    main()
