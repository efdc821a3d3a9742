"""Bodies of Claude, Nova and Titan against requests and answers of OpenAI's chat API."""

import pytest

from newel.integrations.aws.models import service_model
from newel.integrations.models.bodies import CONVERSE, BadBodyError, family_of

CLAUDE = "anthropic.claude-3-5-sonnet-20241022-v2:0"
NOVA = "amazon.nova-micro-v1:0"
TITAN = "amazon.titan-text-express-v1"

ANSWER = {
    "id": "1",
    "model": CLAUDE,
    "choices": [{"message": {"role": "assistant", "content": "Paris."}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 7, "completion_tokens": 2},
}
CALL = {"id": "c1", "type": "function", "function": {"name": "book", "arguments": '{"seat":"1A"}'}}
TOOL_ANSWER = {
    "choices": [
        {"message": {"role": "assistant", "content": None, "tool_calls": [CALL]}, "finish_reason": "tool_calls"}
    ]
}
SCHEMA = {"type": "object", "properties": {"seat": {"type": "string"}}}


def ended(reason: str) -> dict:
    return {"choices": [{"message": {"content": "Par"}, "finish_reason": reason}]}


def asked(model: str, body: dict) -> dict:
    return family_of(model, body).request(body)


def answered(model: str, answer: dict, body: dict | None = None) -> dict:
    return family_of(model, body or {}).answer(answer)


def test_claude_is_asked():
    body = {
        "anthropic_version": "bedrock-2023-05-31",
        "max_tokens": 100,
        "temperature": 0.5,
        "top_p": 0.9,
        "top_k": 5,
        "stop_sequences": ["END"],
        "system": "Be brief.",
        "messages": [
            {"role": "user", "content": "Hello"},
            {"role": "assistant", "content": [{"type": "text", "text": "Hi"}]},
            {"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]},
        ],
    }
    assert asked(CLAUDE, body) == {
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "Hello"},
            {"role": "assistant", "content": "Hi"},
            {"role": "user", "content": "a\nb"},
        ],
        "max_tokens": 100,
        "temperature": 0.5,
        "top_p": 0.9,
        "top_k": 5,
        "stop": ["END"],
    }


def test_claude_answers():
    assert answered(CLAUDE, ANSWER) == {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": CLAUDE,
        "content": [{"type": "text", "text": "Paris."}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": 7, "output_tokens": 2},
    }


def test_claude_uses_tools():
    tool = {"name": "book", "description": "Book a seat", "input_schema": SCHEMA}
    body = {
        "max_tokens": 9,
        "tools": [tool],
        "tool_choice": {"type": "tool", "name": "book"},
        "messages": [
            {"role": "user", "content": "Book 1A"},
            {
                "role": "assistant",
                "content": [{"type": "tool_use", "id": "c1", "name": "book", "input": {"seat": "1A"}}],
            },
            {
                "role": "user",
                "content": [
                    {"type": "tool_result", "tool_use_id": "c1", "content": [{"type": "text", "text": "done"}]},
                    {"type": "text", "text": "And?"},
                ],
            },
        ],
    }
    request = asked(CLAUDE, body)
    function = {"name": "book", "description": "Book a seat", "parameters": SCHEMA}
    assert request["tools"] == [{"type": "function", "function": function}]
    assert request["tool_choice"] == {"type": "function", "function": {"name": "book"}}
    assert request["messages"] == [
        {"role": "user", "content": "Book 1A"},
        {"role": "assistant", "content": None, "tool_calls": [CALL]},
        {"role": "tool", "tool_call_id": "c1", "content": "done"},
        {"role": "user", "content": "And?"},
    ]
    answer = answered(CLAUDE, TOOL_ANSWER)
    assert answer["content"] == [{"type": "tool_use", "id": "c1", "name": "book", "input": {"seat": "1A"}}]
    assert answer["stop_reason"] == "tool_use"


def test_claude_sees_images():
    source = {"type": "base64", "media_type": "image/png", "data": "aGk="}
    body = {
        "max_tokens": 9,
        "messages": [{"role": "user", "content": [{"type": "image", "source": source}, {"type": "text", "text": "?"}]}],
    }
    assert asked(CLAUDE, body)["messages"][0]["content"] == [
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,aGk="}},
        {"type": "text", "text": "?"},
    ]


def test_claude_2_completes_a_prompt():
    body = {"prompt": "\n\nHuman: What is the capital?\n\nAssistant:", "max_tokens_to_sample": 50}
    assert asked("anthropic.claude-v2", body) == {
        "messages": [{"role": "user", "content": "What is the capital?"}],
        "max_tokens": 50,
    }
    assert answered("anthropic.claude-v2", ANSWER, body) == {
        "type": "completion",
        "completion": "Paris.",
        "stop_reason": "stop_sequence",
        "stop": None,
    }


def test_nova_is_asked_and_answers():
    body = {
        "schemaVersion": "messages-v1",
        "system": [{"text": "Be brief."}],
        "messages": [{"role": "user", "content": [{"text": "Hello"}]}],
        "inferenceConfig": {"max_new_tokens": 20, "temperature": 0, "topP": 0.9, "topK": 3, "stopSequences": ["x"]},
    }
    assert asked(NOVA, body) == {
        "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hello"}],
        "max_tokens": 20,
        "temperature": 0,
        "top_p": 0.9,
        "top_k": 3,
        "stop": ["x"],
    }
    assert answered(NOVA, ANSWER) == {
        "output": {"message": {"role": "assistant", "content": [{"text": "Paris."}]}},
        "stopReason": "end_turn",
        "usage": {"inputTokens": 7, "outputTokens": 2, "totalTokens": 9},
    }


def test_converse_uses_tools():
    body = {
        "modelId": "any",
        "messages": [
            {"role": "user", "content": [{"text": "Book"}, {"image": {"format": "png", "source": {"bytes": b"hi"}}}]},
            {
                "role": "assistant",
                "content": [{"toolUse": {"toolUseId": "c1", "name": "book", "input": {"seat": "1A"}}}],
            },
            {"role": "user", "content": [{"toolResult": {"toolUseId": "c1", "content": [{"json": {"ok": True}}]}}]},
        ],
        "toolConfig": {
            "tools": [{"toolSpec": {"name": "book", "inputSchema": {"json": SCHEMA}}}],
            "toolChoice": {"any": {}},
        },
    }
    request = CONVERSE.request(body)
    assert request["tool_choice"] == "required"
    assert request["messages"] == [
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "Book"},
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,aGk="}},
            ],
        },
        {"role": "assistant", "content": None, "tool_calls": [CALL]},
        {"role": "tool", "tool_call_id": "c1", "content": '{"ok":true}'},
    ]
    answer = CONVERSE.answer(TOOL_ANSWER)
    assert answer["stopReason"] == "tool_use"
    assert answer["output"]["message"]["content"] == [
        {"toolUse": {"toolUseId": "c1", "name": "book", "input": {"seat": "1A"}}}
    ]


def test_titan_is_asked_and_answers():
    body = {"inputText": "Hi", "textGenerationConfig": {"maxTokenCount": 10, "temperature": 1, "stopSequences": []}}
    assert asked(TITAN, body) == {
        "messages": [{"role": "user", "content": "Hi"}],
        "max_tokens": 10,
        "temperature": 1,
        "stop": [],
    }
    assert answered(TITAN, ended("length")) == {
        "inputTextTokenCount": 0,
        "results": [{"tokenCount": 0, "outputText": "Par", "completionReason": "LENGTH"}],
    }


@pytest.mark.parametrize(
    ("reason", "claude", "converse"),
    [
        ("stop", "end_turn", "end_turn"),
        ("length", "max_tokens", "max_tokens"),
        ("tool_calls", "tool_use", "tool_use"),
        ("content_filter", "refusal", "content_filtered"),
    ],
)
def test_reasons_to_stop(reason, claude, converse):
    assert answered(CLAUDE, ended(reason))["stop_reason"] == claude
    assert CONVERSE.answer(ended(reason))["stopReason"] == converse
    model = service_model("bedrock-runtime").operation_model("Converse")
    assert converse in model.output_shape.members["stopReason"].enum


@pytest.mark.parametrize(
    ("model", "body"),
    [
        (CLAUDE, {"messages": [{"role": "user", "content": "x"}]}),
        (CLAUDE, {"max_tokens": 5, "messages": []}),
        (CLAUDE, {"max_tokens": 5}),
        (CLAUDE, {"max_tokens": 5, "messages": ["x"]}),
        (CLAUDE, {"max_tokens": 5, "messages": [{"role": "user", "content": [{"type": "document"}]}]}),
        (CLAUDE, {"max_tokens": 5, "messages": [{"role": "user", "content": "x"}], "thinking": {"type": "enabled"}}),
        (NOVA, {"messages": [{"role": "user", "content": [{"video": {}}]}]}),
        (NOVA, {"messages": [{"role": "user"}]}),
        (TITAN, {"prompt": "x"}),
        (TITAN, {}),
        ("stability.stable-diffusion-xl-v1", {}),
    ],
)
def test_what_cannot_be_translated_is_refused(model, body):
    with pytest.raises(BadBodyError):
        asked(model, body)


@pytest.mark.parametrize("answer", [{}, {"choices": []}, {"choices": None}])
def test_an_answer_without_a_message_is_refused(answer):
    with pytest.raises(BadBodyError):
        answered(CLAUDE, answer)
