"""A model server for examples and tests: no model, but answers that are the same every time.

    python -m newel.dev.model_server --port 8090 --latency 0.2 --throttle 0.3

It is a development tool. It speaks OpenAI's chat API (`/v1/chat/completions`) and Bedrock's InvokeModel and Converse
(`/model/<id>/invoke`, `/model/<id>/converse`: what `AWS_ENDPOINT_URL_BEDROCK_RUNTIME` points at). How long it takes,
how often it refuses and what it says is programmed at its start or, while it runs, by a POST to `/_model/behaviour`;
`/_model/log` says what it was asked, and DELETE empties it.
"""

from __future__ import annotations

import argparse
import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec
from aiohttp import web

from newel.integrations.models.bodies import CONVERSE, BadBodyError, family_of
from newel.integrations.models.settings import model_name
from newel.json import InvalidJson, Json, dumps, loads

_TOO_MANY: Final = "Too many requests, please wait before trying again."
_LONG: Final = 200
_SENTENCE: Final = re.compile(r"(?<=[.!?])\s+")


class Answer(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is said to a prompt that `pattern` is found in (without regard to case): a text, or a call of a tool."""

    pattern: str
    text: str = ""
    tool: str | None = None
    input: dict[str, Any] = {}


class Behaviour(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """How the server behaves. `throttle` is the share of requests it refuses, spread evenly; `fail_next` the number
    of requests from now on that it answers with an internal error. The first of `answers` that fits is given.
    """

    latency_seconds: float = 0.0
    throttle: float = 0.0
    fail_next: int = 0
    answers: tuple[Answer, ...] = ()


#: What it knows without being told.
_FACTS: Final = (
    Answer(pattern=r"capital of france", text="The capital of France is Paris."),
    Answer(pattern=r"reset my password", text="Open Settings, choose Security, and select Reset password."),
)


class Refusal(Exception):  # noqa: N818  (a decision, not a fault)
    """The server was told to refuse: Bedrock's error name and the HTTP status."""

    def __init__(self, code: str, message: str, status: int) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status


class ModelServer:
    """Answers chat requests; every way in ends in `complete`."""

    def __init__(self, behaviour: Behaviour | None = None) -> None:
        self.behaviour = behaviour or Behaviour()
        self._log: list[dict[str, Json]] = []
        self._in_flight = 0
        self._in_flight_max = 0
        self._owed_refusals = 0.0

    def application(self) -> web.Application:
        """The server as an aiohttp application."""
        app = web.Application(client_max_size=32 * 1024 * 1024)
        app.router.add_post("/v1/chat/completions", _openai(self.chat))
        app.router.add_post("/model/{model}/invoke", _bedrock(self.invoke))
        app.router.add_post("/model/{model}/converse", _bedrock(self.converse))
        app.router.add_get("/_model/log", self.show_log)
        app.router.add_delete("/_model/log", self.clear_log)
        app.router.add_post("/_model/behaviour", self.change_behaviour)
        return app

    async def complete(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Answer a request of the chat API. Raises `Refusal`."""
        prompt = _prompt(request)
        entry: dict[str, Json] = {"model": request.get("model"), "prompt": prompt}
        self._log.append(entry)
        self._in_flight += 1
        self._in_flight_max = max(self._in_flight_max, self._in_flight)
        try:
            self._refuse()
            await asyncio.sleep(self.behaviour.latency_seconds)
        except Refusal as refusal:
            entry["status"] = refusal.status
            raise
        finally:
            self._in_flight -= 1
        message, reason = self._said(prompt, request)
        entry |= {"status": 200, "answer": message.get("content")}
        return _completion(request, prompt, message, reason, len(self._log))

    async def chat(self, request: web.Request) -> dict[str, Any]:
        """`/v1/chat/completions`."""
        return await self.complete(_object(await request.read()))

    async def invoke(self, request: web.Request) -> dict[str, Any]:
        """InvokeModel, with the bodies of the model's family."""
        name, body = model_name(request.match_info["model"]), _object(await request.read())
        family = family_of(name, body)
        return family.answer(await self.complete({"model": name, **family.request(body)}))

    async def converse(self, request: web.Request) -> dict[str, Any]:
        """Converse, with any model."""
        name, body = model_name(request.match_info["model"]), _object(await request.read())
        answer = CONVERSE.answer(await self.complete({"model": name, **CONVERSE.request(body)}))
        return {**answer, "metrics": {"latencyMs": round(self.behaviour.latency_seconds * 1000)}}

    async def show_log(self, request: web.Request) -> web.Response:
        """Everything that was asked, and how many requests were under way at once."""
        return _json({"in_flight_max": self._in_flight_max, "requests": self._log})

    async def clear_log(self, request: web.Request) -> web.Response:
        """Forget what was asked."""
        self._log.clear()
        self._in_flight_max = self._in_flight
        return web.Response(status=204)

    async def change_behaviour(self, request: web.Request) -> web.Response:
        """Change what is given; the rest stays."""
        try:
            changes = _object(await request.read())
            given = msgspec.to_builtins(self.behaviour) | changes
            self.behaviour = msgspec.convert(given, Behaviour)
        except (BadBodyError, msgspec.ValidationError) as error:
            return _json({"error": {"message": str(error)}}, 400)
        return _json(msgspec.to_builtins(self.behaviour))

    def _refuse(self) -> None:
        behaviour = self.behaviour
        if behaviour.fail_next > 0:
            behaviour.fail_next -= 1
            raise Refusal("InternalServerException", "The model server was told to fail.", 500)
        self._owed_refusals += behaviour.throttle
        if self._owed_refusals >= 1:
            self._owed_refusals -= 1
            raise Refusal("ThrottlingException", _TOO_MANY, 429)

    def _said(self, prompt: str, request: Mapping[str, Any]) -> tuple[dict[str, Any], str]:
        """The message, and why it ends."""
        for answer in (*self.behaviour.answers, *_FACTS):
            if re.search(answer.pattern, prompt, re.IGNORECASE):
                if answer.tool is not None:
                    return _tool_call(answer, len(self._log)), "tool_calls"
                return _cut(answer.text, request)
        return _cut(_gist(prompt), request)


def _prompt(request: Mapping[str, Any]) -> str:
    """The text of the last message."""
    content = (request.get("messages") or [{}])[-1].get("content") or ""
    if isinstance(content, str):
        return content
    return "\n".join(part.get("text", "") for part in content)


def _gist(prompt: str) -> str:
    """A short prompt is repeated; of a long one, the first sentence and the longest of the others."""
    if len(prompt) <= _LONG:
        return f"You said: {prompt}"
    sentences = _SENTENCE.split(prompt.strip())
    return " ".join([sentences[0], *sorted(sentences[1:], key=len)[-1:]])


def _cut(text: str, request: Mapping[str, Any]) -> tuple[dict[str, Any], str]:
    words = text.split(" ")
    limit = request.get("max_tokens")
    if limit is None or len(words) <= limit:
        return {"role": "assistant", "content": text}, "stop"
    return {"role": "assistant", "content": " ".join(words[:limit])}, "length"


def _tool_call(answer: Answer, number: int) -> dict[str, Any]:
    function = {"name": answer.tool, "arguments": dumps(answer.input)}
    calls = [{"id": f"call_{number}", "type": "function", "function": function}]
    return {"role": "assistant", "content": answer.text or None, "tool_calls": calls}


def _completion(
    request: Mapping[str, Any], prompt: str, message: Mapping[str, Any], reason: str, number: int
) -> dict[str, Any]:
    """A completion of the chat API. A word counts as a token."""
    read, written = len(prompt.split()), len((message.get("content") or "").split())
    return {
        "id": f"local-{number}",
        "object": "chat.completion",
        "model": request.get("model", "local"),
        "choices": [{"index": 0, "message": message, "finish_reason": reason}],
        "usage": {"prompt_tokens": read, "completion_tokens": written, "total_tokens": read + written},
    }


def _object(content: bytes) -> dict[str, Any]:
    try:
        found = loads(content)
    except InvalidJson as error:
        raise BadBodyError(str(error)) from None
    if not isinstance(found, dict):
        raise BadBodyError("The body must be a JSON object")
    return found


Handler = Callable[[web.Request], Awaitable[dict[str, Any]]]
Page = Callable[[web.Request], Awaitable[web.Response]]


def _openai(handler: Handler) -> Page:
    """Errors as OpenAI's API gives them."""

    async def page(request: web.Request) -> web.Response:
        try:
            return _json(await handler(request))
        except Refusal as refusal:
            return _json({"error": {"message": refusal.message, "code": refusal.code}}, refusal.status)
        except BadBodyError as error:
            return _json({"error": {"message": str(error), "code": "invalid_request_error"}}, 400)

    return page


def _bedrock(handler: Handler) -> Page:
    """Errors as Bedrock gives them."""

    async def page(request: web.Request) -> web.Response:
        try:
            return _json(await handler(request))
        except Refusal as refusal:
            code, message, status = refusal.code, refusal.message, refusal.status
        except BadBodyError as error:
            code, message, status = "ValidationException", str(error), 400
        return _json({"message": message}, status, {"x-amzn-ErrorType": code})

    return page


def _json(value: Json, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    return web.Response(body=dumps(value).encode(), status=status, headers=headers, content_type="application/json")


def _arguments(given: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m newel.dev.model_server", description=__doc__.partition("\n")[0])
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8090)
    parser.add_argument("--latency", type=float, default=0.0, help="seconds that every answer takes")
    parser.add_argument("--throttle", type=float, default=0.0, help="share of requests that are refused, 0 to 1")
    parser.add_argument("--answers", type=Path, help='a JSON file: [{"pattern": "...", "text": "..."}]')
    return parser.parse_args(given)


def main(given: Sequence[str] | None = None) -> None:
    """Serve until interrupted."""
    arguments = _arguments(given)
    answers: tuple[Answer, ...] = ()
    if arguments.answers is not None:
        answers = msgspec.json.decode(arguments.answers.read_bytes(), type=tuple[Answer, ...])
    behaviour = Behaviour(latency_seconds=arguments.latency, throttle=arguments.throttle, answers=answers)
    web.run_app(ModelServer(behaviour).application(), host=arguments.host, port=arguments.port, print=None)


if __name__ == "__main__":
    main()
