"""Which server answers for which of Bedrock's models.

As TOML:

    [models."anthropic.claude-*"]           # a model id, or a pattern of them
    base_url = "http://127.0.0.1:11434/v1"  # below it: /chat/completions
    model = "qwen2.5:7b"                    # what the server calls its model; Bedrock's id unless given
    api_key_env = "LOCAL_MODEL_KEY"         # the environment variable that holds the key, if one is needed

`NEWEL_BEDROCK_MODELS`, a JSON object of the same tables, replaces what the file says. The first pattern that fits
counts; a model that none fits is asked for at Bedrock.
"""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any

import msgspec

from newel.json import InvalidJson, loads

_VARIABLE = "NEWEL_BEDROCK_MODELS"


class ModelEndpoint(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A server that speaks OpenAI's chat API. `api_key` is sent as a bearer token; times are in seconds."""

    base_url: str
    model: str | None = None
    api_key: str | None = None
    api_key_env: str | None = None
    read_seconds: float = 300.0

    def __repr__(self) -> str:
        return f"<ModelEndpoint {self.base_url} {self.model or ''}>"  # without the key


class ModelSettings(msgspec.Struct, frozen=True, kw_only=True):
    """`models` are endpoints by model id or pattern (`*`, `?`), in the order they are tried."""

    models: Mapping[str, ModelEndpoint] = {}

    def endpoint(self, model_id: str) -> ModelEndpoint | None:
        """The endpoint of a model, named by its id, by the id of an inference profile, or by an ARN of either."""
        name = model_name(model_id)
        for pattern, endpoint in self.models.items():
            if fnmatchcase(name, pattern) or fnmatchcase(model_id, pattern):
                return endpoint
        return None


def model_name(model_id: str) -> str:
    """`arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-3` and `us.anthropic.claude-3` without the rest."""
    name = model_id.rpartition("/")[2]
    place, _, rest = name.partition(".")
    return rest if place in ("us", "us-gov", "eu", "apac", "au", "jp", "ca", "global") and "." in rest else name


def model_settings(table: Mapping[str, Any] | None, environ: Mapping[str, str]) -> ModelSettings:
    """Read the `[models]` table and the environment. Raises `ValueError` saying what is wrong."""
    given: Any = table or {}
    if text := environ.get(_VARIABLE):
        try:
            given = loads(text)
        except InvalidJson as error:
            raise ValueError(f"{_VARIABLE} is not JSON: {error}") from None
    try:
        models = msgspec.convert(given, dict[str, ModelEndpoint])
    except msgspec.ValidationError as error:
        raise ValueError(f"models: {error}") from None
    return ModelSettings(models={pattern: _with_key(endpoint, environ) for pattern, endpoint in models.items()})


def _with_key(endpoint: ModelEndpoint, environ: Mapping[str, str]) -> ModelEndpoint:
    if not endpoint.base_url.startswith(("http://", "https://")):
        raise ValueError(f"models: {endpoint.base_url} is not an HTTP address")
    if endpoint.api_key_env is None:
        return endpoint
    key = environ.get(endpoint.api_key_env)
    if not key:
        raise ValueError(f"models: the environment variable {endpoint.api_key_env} is not set")
    return msgspec.structs.replace(endpoint, api_key=key)
