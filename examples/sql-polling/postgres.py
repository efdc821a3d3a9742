"""As much of a PostgreSQL client as the Data API needs: one statement at a time, parameters and results as text.

It speaks version 3 of the frontend/backend protocol (PostgreSQL manual, "Frontend/Backend Protocol") and logs in with
trust, a clear password or SCRAM-SHA-256, so that the example needs no driver.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import socket
import struct
from typing import Any, NamedTuple
from urllib.parse import SplitResult, unquote, urlsplit

#: Types by the numbers that PostgreSQL gives them (`pg_type.dat`).
TYPES = {16: "bool", 20: "int8", 21: "int2", 23: "int4", 25: "text", 700: "float4", 701: "float8", 1043: "varchar",
         1082: "date", 1114: "timestamp", 1184: "timestamptz", 1700: "numeric"}  # fmt: skip
_AUTHENTICATED, _CLEAR, _SASL, _SASL_CONTINUE, _SASL_FINAL = 0, 3, 10, 11, 12


class DatabaseError(Exception):
    """What the database says is wrong."""


class Result(NamedTuple):
    """`columns` are pairs of a name and a type, None for a statement without a result; values are text or None."""

    columns: list[tuple[str, str]] | None
    rows: list[list[str | None]]
    count: int


class Connection:
    """A session of a database at `postgresql://user:password@host:port/database`; `host` may be a query parameter that
    names the folder of a Unix socket.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self.pid = 0
        self._password = unquote(parts.password or "")
        try:
            self._socket = _connected(parts)
        except OSError as error:
            raise DatabaseError(f"the database cannot be reached: {error}") from None
        self._file = self._socket.makefile("rb")
        user, database = unquote(parts.username or "postgres"), parts.path.lstrip("/") or "postgres"
        words = "".join(f"{word}\0" for word in ("user", user, "database", database, "client_encoding", "UTF8"))
        start = struct.pack("!I", 196608) + words.encode() + b"\0"
        try:
            self._socket.sendall(struct.pack("!I", len(start) + 4) + start)
            self._log_in()
            self._until_ready(self._startup_message)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        self._file.close()
        self._socket.close()

    def execute(self, sql: str, values: list[str]) -> Result:
        """Perform one statement whose parameters are `$1`, `$2`, …. Raises `DatabaseError`."""
        bound = b"".join(struct.pack("!i", len(value.encode())) + value.encode() for value in values)
        self._socket.sendall(
            _message(b"P", b"\0" + sql.encode() + b"\0\0\0")
            + _message(b"B", b"\0\0\0\0" + struct.pack("!H", len(values)) + bound + b"\0\0")
            + _message(b"D", b"P\0")
            + _message(b"E", b"\0\0\0\0\0")
            + _message(b"S", b"")
        )
        found: dict[str, Any] = {"columns": None, "rows": [], "count": 0}

        def take(kind: bytes, body: bytes) -> None:
            if kind == b"T":
                found["columns"] = _columns(body)
            elif kind == b"D":
                found["rows"].append(_row(body))
            elif kind == b"C":
                number = body.rstrip(b"\0").rpartition(b" ")[2]
                found["count"] = int(number) if number.isdigit() else 0

        self._until_ready(take)
        return Result(**found)

    def _until_ready(self, take: Any) -> None:
        error = None
        while True:
            kind, body = self._read()
            if kind == b"Z":
                break
            if kind == b"E":
                error = _reason(body)
            take(kind, body)
        if error is not None:
            raise DatabaseError(error)

    def _startup_message(self, kind: bytes, body: bytes) -> None:
        if kind == b"K":
            self.pid = struct.unpack("!I", body[:4])[0]

    def _read(self) -> tuple[bytes, bytes]:
        head = self._file.read(5)
        if len(head) < 5:
            raise DatabaseError("the connection to the database is gone")
        return head[:1], self._file.read(struct.unpack("!I", head[1:])[0] - 4)

    # -- logging in

    def _log_in(self) -> None:
        while (method := self._asked())[0] != _AUTHENTICATED:
            if method[0] == _CLEAR:
                self._socket.sendall(_message(b"p", self._password.encode() + b"\0"))
            elif method[0] == _SASL:
                self._scram()
            else:
                raise DatabaseError(f"the database wants a log-in that is not known here ({method[0]})")

    def _asked(self) -> tuple[int, bytes]:
        kind, body = self._read()
        if kind != b"R":
            raise DatabaseError(_reason(body))
        return struct.unpack("!I", body[:4])[0], body[4:]

    def _scram(self) -> None:
        """SCRAM-SHA-256 (RFC 7677) without channel binding."""
        nonce = secrets.token_urlsafe(18)
        bare = f"n=,r={nonce}"
        first = f"n,,{bare}".encode()
        self._socket.sendall(_message(b"p", b"SCRAM-SHA-256\0" + struct.pack("!I", len(first)) + first))
        method, challenge = self._asked()
        given = dict(part.split("=", 1) for part in challenge.decode().split(","))
        if method != _SASL_CONTINUE or not given["r"].startswith(nonce):
            raise DatabaseError("the database's answer to the log-in is not to be trusted")
        salted = hashlib.pbkdf2_hmac("sha256", self._password.encode(), base64.b64decode(given["s"]), int(given["i"]))
        final = f"c=biws,r={given['r']}"
        signed = f"{bare},{challenge.decode()},{final}".encode()
        key = hmac.digest(salted, b"Client Key", "sha256")
        signature = hmac.digest(hashlib.sha256(key).digest(), signed, "sha256")
        proof = bytes(left ^ right for left, right in zip(key, signature, strict=True))
        self._socket.sendall(_message(b"p", f"{final},p={base64.b64encode(proof).decode()}".encode()))
        method, last = self._asked()
        expected = hmac.digest(hmac.digest(salted, b"Server Key", "sha256"), signed, "sha256")
        if method != _SASL_FINAL or last != b"v=" + base64.b64encode(expected):
            raise DatabaseError("the database's answer to the log-in is not to be trusted")


def _connected(parts: SplitResult) -> socket.socket:
    if not parts.query.startswith("host="):
        return socket.create_connection((parts.hostname or "127.0.0.1", parts.port or 5432))
    connected = socket.socket(socket.AF_UNIX)
    connected.connect(f"{unquote(parts.query.removeprefix('host='))}/.s.PGSQL.{parts.port or 5432}")
    return connected


def _message(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("!I", len(body) + 4) + body


def _reason(body: bytes) -> str:
    fields = {field[:1]: field[1:].decode() for field in body.split(b"\0") if field}
    return f"{fields.get(b'S', 'ERROR')}: {fields.get(b'M', 'no reason was given')}"


def _columns(body: bytes) -> list[tuple[str, str]]:
    columns, at = [], 2
    for _ in range(struct.unpack("!H", body[:2])[0]):
        end = body.index(b"\0", at)
        number = struct.unpack("!I", body[end + 7 : end + 11])[0]
        columns.append((body[at:end].decode(), TYPES.get(number, "varchar")))
        at = end + 19
    return columns


def _row(body: bytes) -> list[str | None]:
    values: list[str | None] = []
    at = 2
    for _ in range(struct.unpack("!H", body[:2])[0]):
        size = struct.unpack("!i", body[at : at + 4])[0]
        at += 4
        values.append(None if size < 0 else body[at : at + size].decode())
        at += max(size, 0)
    return values
