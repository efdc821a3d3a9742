"""Bodies of Bedrock's models as requests of OpenAI's chat API, and its answers as bodies: one pair per family.

A body is JSON as InvokeModel carries it. Nova's is what Converse takes, except for blobs, so both share a pair.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import msgspec

from newel.json import InvalidJson, Json, dumps, loads

Body = dict[str, Any]


class BadBodyError(ValueError):
    """A body that its model would not take."""


class Family(msgspec.Struct, frozen=True):
    """How a family of models is asked and answers. `fields` are the members of a body that mean something here."""

    fields: frozenset[str]
    ask: Callable[[Body], Body]
    answer: Callable[[Body], Body]

    def request(self, body: Body) -> Body:
        """The body as a chat request. Raises `BadBodyError` for what cannot be said in one."""
        unknown = [name for name, value in body.items() if name not in self.fields and value not in (None, {}, [])]
        if unknown:
            raise BadBodyError(f"{unknown[0]}: this field cannot be translated for the configured model server")
        try:
            return self.ask(body)
        except (KeyError, TypeError, AttributeError) as error:
            raise BadBodyError(f"The body is malformed: {error!r}") from error


def family_of(name: str, body: Body) -> Family:
    """The family of a model, by its plain id. Raises `BadBodyError` for one whose bodies are not known here."""
    for prefix, family in _FAMILIES.items():
        if name.startswith(prefix):
            return CLAUDE_PROMPT if family is CLAUDE and "prompt" in body else family
    raise BadBodyError(f"Bodies of the model {name} cannot be translated; use one of {', '.join(_FAMILIES)}")


# --- Claude: the Messages API, and the prompts of Claude 2 ---


def claude_request(body: Body) -> Body:
    """A request of the Messages API."""
    if "max_tokens" not in body:
        raise BadBodyError("max_tokens: Field required")
    messages = [*_system(body.get("system")), *_turns(body, _claude_parts)]
    request = _limits({"messages": messages}, body, "max_tokens", "temperature", "top_p", "top_k", "stop_sequences")
    if tools := body.get("tools"):
        request["tools"] = [_tool(tool["name"], tool.get("description"), tool["input_schema"]) for tool in tools]
    choice = (body.get("tool_choice") or {}).get("type")
    if choice is not None:
        request["tool_choice"] = _choice(choice, body["tool_choice"].get("name"))
    return request


def claude_prompt_request(body: Body) -> Body:
    """A prompt of Claude 2; its prompts come with the words that begin each turn."""
    text = body["prompt"].strip().removeprefix("Human:").removesuffix("Assistant:").strip()
    request = {"messages": [{"role": "user", "content": text}]}
    return _limits(request, body, "max_tokens_to_sample", "temperature", "top_p", "top_k", "stop_sequences")


def claude_prompt_answer(answer: Body) -> Body:
    """A completion of Claude 2."""
    message, reason, _ = _first(answer)
    ended = "max_tokens" if reason == "length" else "stop_sequence"
    return {"type": "completion", "completion": message.get("content") or "", "stop_reason": ended, "stop": None}


def claude_answer(answer: Body) -> Body:
    """A message of the Messages API."""
    message, reason, usage = _first(answer)
    content: list[Body] = [{"type": "text", "text": message["content"]}] if message.get("content") else []
    content += [{"type": "tool_use", **call} for call in _tool_calls(message)]
    return {
        "id": f"msg_{answer.get('id', 'local')}",
        "type": "message",
        "role": "assistant",
        "model": answer.get("model", ""),
        "content": content,
        "stop_reason": _CLAUDE_REASONS.get(reason, "end_turn"),
        "stop_sequence": None,
        "usage": {"input_tokens": usage[0], "output_tokens": usage[1]},
    }


def _claude_parts(content: Json) -> Iterator[Body]:
    for block in [{"type": "text", "text": content}] if isinstance(content, str) else content:
        match block:
            case {"type": "text", "text": str(text)}:
                yield {"type": "text", "text": text}
            case {"type": "image", "source": {"type": "base64", "media_type": str(kind), "data": str(data)}}:
                yield _image(kind, data)
            case {"type": "tool_use", "id": str(call), "name": str(name), "input": given}:
                yield {"call": _call(call, name, given)}
            case {"type": "tool_result", "tool_use_id": str(call)}:
                yield {"result": _result(call, block.get("content", ""))}
            case _:
                raise BadBodyError(f"A content block of this kind cannot be translated: {dumps(block)[:200]}")


# --- Nova, and Converse ---


def converse_request(body: Body) -> Body:
    """A request of Converse; blobs are base64 text or bytes."""
    system = [part["text"] for part in body.get("system") or () if "text" in part]
    messages = [*_system("\n".join(system)), *_turns(body, _converse_parts)]
    config = body.get("inferenceConfig") or {}
    given = {**config, "maxTokens": config.get("maxTokens", config.get("max_new_tokens"))}
    request = _limits({"messages": messages}, given, "maxTokens", "temperature", "topP", "topK", "stopSequences")
    tools = body.get("toolConfig") or {}
    specs = [tool["toolSpec"] for tool in tools.get("tools") or () if "toolSpec" in tool]
    if specs:
        request["tools"] = [_tool(s["name"], s.get("description"), s["inputSchema"]["json"]) for s in specs]
    for choice, value in (tools.get("toolChoice") or {}).items():
        request["tool_choice"] = _choice(choice, (value or {}).get("name"))
    return request


def converse_answer(answer: Body) -> Body:
    """An answer of Converse, without its metrics."""
    message, reason, (given, made) = _first(answer)
    content: list[Body] = [{"text": message["content"]}] if message.get("content") else []
    content += [
        {"toolUse": {"toolUseId": call["id"], "name": call["name"], "input": call["input"]}}
        for call in _tool_calls(message)
    ]
    return {
        "output": {"message": {"role": "assistant", "content": content}},
        "stopReason": _CONVERSE_REASONS.get(reason, "end_turn"),
        "usage": {"inputTokens": given, "outputTokens": made, "totalTokens": given + made},
    }


def _converse_parts(content: Json) -> Iterator[Body]:
    for block in content:
        match block:
            case {"text": str(text)}:
                yield {"type": "text", "text": text}
            case {"image": {"format": str(kind), "source": {"bytes": data}}}:
                yield _image(f"image/{kind}", data if isinstance(data, str) else b64encode(data).decode())
            case {"toolUse": {"toolUseId": str(call), "name": str(name), "input": given}}:
                yield {"call": _call(call, name, given)}
            case {"toolResult": {"toolUseId": str(call), "content": result}}:
                yield {"result": _result(call, [_converse_result(part) for part in result])}
            case _:
                raise BadBodyError("A content block of this kind cannot be translated: " + ", ".join(block))


def _converse_result(part: Body) -> Body:
    return {"type": "text", "text": part["text"] if "text" in part else dumps(part.get("json"))}


# --- Titan Text ---


def titan_request(body: Body) -> Body:
    """A prompt of Titan Text."""
    if not isinstance(body.get("inputText"), str):
        raise BadBodyError("required key [inputText] not found")
    config = body.get("textGenerationConfig") or {}
    request = {"messages": [{"role": "user", "content": body["inputText"]}]}
    return _limits(request, config, "maxTokenCount", "temperature", "topP", "topK", "stopSequences")


def titan_answer(answer: Body) -> Body:
    """A completion of Titan Text."""
    message, reason, (given, made) = _first(answer)
    result = {
        "tokenCount": made,
        "outputText": message.get("content") or "",
        "completionReason": "LENGTH" if reason == "length" else "FINISH",
    }
    return {"inputTextTokenCount": given, "results": [result]}


# --- what the families share ---

_CLAUDE_REASONS: Final = {"length": "max_tokens", "tool_calls": "tool_use", "content_filter": "refusal"}
_CONVERSE_REASONS: Final = _CLAUDE_REASONS | {"content_filter": "content_filtered"}


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


CLAUDE: Final = Family(
    _words(
        "anthropic_version max_tokens system messages temperature top_p top_k stop_sequences tools tool_choice metadata"
    ),
    claude_request,
    claude_answer,
)
CLAUDE_PROMPT: Final = Family(
    _words("anthropic_version prompt max_tokens_to_sample temperature top_p top_k stop_sequences"),
    claude_prompt_request,
    claude_prompt_answer,
)
NOVA: Final = Family(
    _words("schemaVersion system messages inferenceConfig toolConfig"), converse_request, converse_answer
)
CONVERSE: Final = Family(
    _words("modelId system messages inferenceConfig toolConfig requestMetadata"), converse_request, converse_answer
)
TITAN: Final = Family(_words("inputText textGenerationConfig"), titan_request, titan_answer)

_FAMILIES: Final[Mapping[str, Family]] = {
    "anthropic.claude": CLAUDE,
    "amazon.nova": NOVA,
    "amazon.titan-text": TITAN,
}


def _limits(request: Body, given: Body, tokens: str, temperature: str, top_p: str, top_k: str, stop: str) -> Body:
    """`top_k` is no part of OpenAI's API; most servers that speak it take it all the same, the others say so."""
    names = {"max_tokens": tokens, "temperature": temperature, "top_p": top_p, "top_k": top_k, "stop": stop}
    return request | {ours: given[theirs] for ours, theirs in names.items() if given.get(theirs) is not None}


def _system(system: Json) -> list[Body]:
    if isinstance(system, list):
        system = "\n".join(part.get("text", "") for part in system)
    return [{"role": "system", "content": system}] if system else []


def _turns(body: Body, parts_of: Callable[[Json], Iterator[Body]]) -> Iterator[Body]:
    """The messages of a conversation; results of tools come before what the user says with them."""
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages:
        raise BadBodyError("messages: at least one message is required")
    for message in messages:
        parts = list(parts_of(message["content"]))
        for part in parts:
            if "result" in part:
                yield part["result"]
        said = [part for part in parts if "type" in part]
        calls = [part["call"] for part in parts if "call" in part]
        if said or calls:
            text = all(part["type"] == "text" for part in said)
            content: Json = "\n".join(part["text"] for part in said) if text else said
            yield {
                "role": message["role"],
                "content": content or None,
                **({"tool_calls": calls} if calls else {}),
            }


def _image(kind: str, data: str) -> Body:
    return {"type": "image_url", "image_url": {"url": f"data:{kind};base64,{data}"}}


def _call(call: str, name: str, given: Json) -> Body:
    return {"id": call, "type": "function", "function": {"name": name, "arguments": dumps(given)}}


def _result(call: str, content: Json) -> Body:
    text = content if isinstance(content, str) else "\n".join(part.get("text", "") for part in content)
    return {"role": "tool", "tool_call_id": call, "content": text}


def _tool(name: str, description: str | None, schema: Json) -> Body:
    function = {"name": name, "parameters": schema} | ({} if description is None else {"description": description})
    return {"type": "function", "function": function}


def _choice(kind: str, name: str | None) -> Json:
    """`auto`; `any` asks for some tool; `tool` for the one named."""
    if kind == "tool":
        return {"type": "function", "function": {"name": name}}
    return {"any": "required", "none": "none"}.get(kind, "auto")


def _first(answer: Body) -> tuple[Body, str, tuple[int, int]]:
    """The message of a chat answer, why it ended, and the tokens read and written. Raises `BadBodyError`."""
    try:
        choice = answer["choices"][0]
        message = choice["message"]
    except (KeyError, IndexError, TypeError):
        raise BadBodyError("The model server's answer has no choices") from None
    usage = answer.get("usage") or {}
    return (
        message,
        choice.get("finish_reason") or "stop",
        (usage.get("prompt_tokens", 0), usage.get("completion_tokens", 0)),
    )


def _tool_calls(message: Body) -> Iterator[Body]:
    for call in message.get("tool_calls") or ():
        try:
            given = loads(call["function"]["arguments"] or "{}")
        except InvalidJson:
            given = {}
        yield {"id": call["id"], "name": call["function"]["name"], "input": given}
