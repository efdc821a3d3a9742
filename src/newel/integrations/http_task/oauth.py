"""Access tokens of connections: got by the client credentials grant, kept in memory, renewed before they expire."""

from __future__ import annotations

import asyncio
from base64 import b64encode
from typing import Any, Final
from urllib.parse import quote

import msgspec
from yarl import URL

from newel.errors import RuntimeFailure
from newel.integrations.http_task.egress import Egress, EgressRefusalError
from newel.integrations.http_task.encoding import Pair, form_encode, query_encode
from newel.integrations.http_task.exchange import NoResponseError, TooLargeError, exchange
from newel.integrations.http_task.messages import FORM_TYPE, HttpRequest, HttpResponse
from newel.integrations.http_task.request import endpoint
from newel.json import InvalidJson, dumps, loads
from newel.ports.clock import Clock
from newel.ports.connections import AuthorizationError, Connection, OAuthClient

#: A token is renewed this long before it expires, or at half of its life if that is later.
_EARLY_MS: Final = 60_000
_TOKEN_BYTES_MAX: Final = 65_536
_SECONDS: Final = 30.0


class _Token(msgspec.Struct, frozen=True):
    """`header` is the value of Authorization; `renew_ms` and `expires_ms` are None for a token without an end."""

    revision: str
    header: str
    renew_ms: int | None
    expires_ms: int | None

    def __repr__(self) -> str:
        return "<_Token>"


class OAuthTokens:
    """The tokens of all connections. However many ask at once, one request is made for a connection."""

    def __init__(self, egress: Egress, clock: Clock) -> None:
        self._egress = egress
        self._clock = clock
        self._tokens: dict[str, _Token] = {}
        self._fetching: dict[tuple[str, str], asyncio.Task[_Token]] = {}

    async def header(self, connection: Connection) -> str:
        """The value of the Authorization header. Raises `AuthorizationError`.

        A token that is about to expire is renewed first; if that fails, it serves as long as it lives.
        """
        now = self._clock.now_ms()
        token = self._tokens.get(connection.arn)
        if token is None or token.revision != connection.revision:
            return (await self._fetched(connection)).header
        if token.renew_ms is None or now < token.renew_ms:
            return token.header
        try:
            return (await self._fetched(connection)).header
        except AuthorizationError as error:
            if not error.rejected and token.expires_ms is not None and self._clock.now_ms() < token.expires_ms:
                return token.header
            raise

    async def authorize(self, connection: Connection) -> None:
        """Get a token whether or not there is one. Raises `AuthorizationError`."""
        await self._fetched(connection)

    def reaches(self, resource_configuration: str) -> bool:
        return self._egress.reaches(resource_configuration)

    def refused(self, arn: str, header: str) -> None:
        """Drop the token that an endpoint refused, unless a newer one took its place already."""
        token = self._tokens.get(arn)
        if token is not None and token.header == header:
            del self._tokens[arn]

    def forget(self, arn: str) -> None:
        """Drop the token of a connection that is changed or gone."""
        self._tokens.pop(arn, None)
        for key in [key for key in self._fetching if key[0] == arn]:
            del self._fetching[key]  # who waits for it still gets it, and nobody else

    async def close(self) -> None:
        """Give up what is being fetched."""
        tasks = list(self._fetching.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _fetched(self, connection: Connection) -> _Token:
        key = (connection.arn, connection.revision)
        task = self._fetching.get(key)
        if task is None:
            task = self._fetching[key] = asyncio.get_running_loop().create_task(self._fetch(connection))
            task.add_done_callback(lambda done: self._finished(key, done))
        # Shielded, since the execution that asked first may be stopped while others wait for the same token.
        return await asyncio.shield(task)

    def _finished(self, key: tuple[str, str], task: asyncio.Task[_Token]) -> None:
        wanted = self._fetching.get(key) is task
        if wanted:
            del self._fetching[key]
        if not task.cancelled() and task.exception() is None and wanted:
            self._tokens[key[0]] = task.result()

    async def _fetch(self, connection: Connection) -> _Token:
        client = connection.credentials
        assert isinstance(client, OAuthClient)
        response = await self._asked(client, in_header=False)
        if response.status == 401 and (response.header("www-authenticate") or "").lower().startswith("basic"):
            # RFC 6749 §2.3.1: a server may take clients' secrets in the header alone.
            response = await self._asked(client, in_header=True)
        return _parsed(response, connection.revision, self._clock.now_ms())

    async def _asked(self, client: OAuthClient, *, in_header: bool) -> HttpResponse:
        try:
            request = token_request(client, in_header=in_header)
            session = self._egress.client(URL(request.url, encoded=True), client.resource_configuration)
            return await exchange(session, request, seconds=_SECONDS, bytes_max=_TOKEN_BYTES_MAX)
        except (EgressRefusalError, NoResponseError) as error:
            raise AuthorizationError(f"The authorization endpoint cannot be reached: {error}", rejected=False) from None
        except RuntimeFailure:
            raise AuthorizationError("The authorization endpoint is not a valid URL", rejected=True) from None
        except TooLargeError:
            raise AuthorizationError("The answer of the authorization endpoint is too large", rejected=False) from None


def token_request(client: OAuthClient, *, in_header: bool) -> HttpRequest:
    """The request for a token.

    With GET the members go into the query, else into a form (or into JSON, if a header of the connection says so).
    Raises `RuntimeFailure` for an endpoint that is no URL.
    """
    members: dict[str, Any] = {"grant_type": "client_credentials"}
    headers = [(one.key, one.value.strip()) for one in client.parameters.headers]
    if in_header:
        pair = f"{quote(client.client_id, safe='')}:{quote(client.client_secret, safe='')}".encode()
        headers = [header for header in headers if header[0].lower() != "authorization"]
        headers.append(("Authorization", f"Basic {b64encode(pair).decode()}"))
    else:
        members |= {"client_id": client.client_id, "client_secret": client.client_secret}
    members |= {one.key: one.value for one in client.parameters.body}
    query: list[Pair] = [(one.key, one.value) for one in client.parameters.query]
    if client.method == "GET":
        taken = {key for key, _ in query}
        query = [(key, value) for key, value in members.items() if key not in taken] + query
        return HttpRequest(method="GET", url=_with_query(client.endpoint, query), headers=_accepting(headers))
    given_type = next((value for name, value in headers if name.lower() == "content-type"), None)
    body = dumps(members) if "json" in (given_type or "") else form_encode(members, "INDICES")
    if given_type is None:
        headers.append(("Content-Type", FORM_TYPE))
    return HttpRequest(
        method=client.method, url=_with_query(client.endpoint, query), headers=_accepting(headers), body=body.encode()
    )


def _accepting(headers: list[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    if any(name.lower() == "accept" for name, _ in headers):
        return tuple(headers)
    return (*headers, ("Accept", "application/json"))


def _with_query(text: str, pairs: list[Pair]) -> str:
    url = str(endpoint(text))
    if not pairs:
        return url
    return f"{url}{'&' if '?' in url else '?'}{query_encode(pairs)}"


def _parsed(response: HttpResponse, revision: str, now_ms: int) -> _Token:
    """The token in an answer. Nothing of the answer goes into an error: it may repeat what was sent."""
    if not 200 <= response.status < 300:
        rejected = 400 <= response.status < 500 and response.status not in (408, 429)
        raise AuthorizationError(
            f"The authorization endpoint answered with status {response.status}", rejected=rejected
        )
    try:
        answer = loads(response.body)
    except InvalidJson:
        answer = None
    token = answer.get("access_token") if isinstance(answer, dict) else None
    if not isinstance(token, str) or not token or not token.isascii() or not token.isprintable():
        raise AuthorizationError("The authorization endpoint gave no access token", rejected=True)
    kind = answer.get("token_type")
    scheme = kind if isinstance(kind, str) and kind.isalnum() and kind.lower() != "bearer" else "Bearer"
    life_ms = _life_ms(answer.get("expires_in"))
    if life_ms is None:
        return _Token(revision, f"{scheme} {token}", None, None)
    expires_ms = now_ms + life_ms
    return _Token(revision, f"{scheme} {token}", max(expires_ms - _EARLY_MS, now_ms + life_ms // 2), expires_ms)


def _life_ms(expires_in: Any) -> int | None:
    """`expires_in` in milliseconds; some servers send the number as text."""
    try:
        seconds = float(expires_in)
    except (TypeError, ValueError):
        return None
    return int(seconds * 1000) if 0 < seconds < 1e10 else None
