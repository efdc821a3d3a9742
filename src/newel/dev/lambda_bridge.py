"""Notifications of the companion's SNS topics and S3 buckets that go to Lambda functions: Newel's host has those.

moto would look for the function in its own Lambda and run it in a container. The two places where it does are replaced.
"""

from __future__ import annotations

import contextvars
import json
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

#: Invokes a function asynchronously from any thread: (ARN, event as JSON text).
FunctionCaller = Callable[[str, bytes], None]

_publishing: contextvars.ContextVar[dict[str, Any] | None] = contextvars.ContextVar("publishing", default=None)
_UNSIGNED: Final = "unsigned"


class _Function:
    """What S3 finds in place of moto's function."""

    def __init__(self, arn: str, functions: FunctionCaller) -> None:
        self.function_arn = arn
        self._functions = functions

    def invoke(self, body: str, *_: Any, **__: Any) -> str:
        self._functions(self.function_arn, body.encode())
        return ""


def bridge(functions: FunctionCaller) -> None:
    """Send moto's notifications to `functions`. Needs moto to be installed; the last call of a process counts."""
    from moto.awslambda.models import LambdaBackend  # noqa: PLC0415  (moto is optional and slow to import)
    from moto.sns.models import Subscription  # noqa: PLC0415

    plain = getattr(Subscription.publish, "replaced", Subscription.publish)

    def publish(self: Any, message: str, message_id: str, *rest: Any, **more: Any) -> Any:
        told = {
            "topic": self.topic.arn,
            "subscription": self.arn,
            "id": message_id,
            "attributes": _attributes(rest, more),
        }
        token = _publishing.set({**told, "endpoint": self.endpoint})
        try:
            return plain(self, message, message_id, *rest, **more)
        finally:
            _publishing.reset(token)

    def send_sns_message(
        self: Any, function_name: str, message: str, subject: str | None = None, qualifier: str | None = None
    ) -> None:
        told = _publishing.get() or {}
        arn = f"arn:aws:lambda:{self.region_name}:{self.account_id}:function:{function_name}"
        arn = told.get("endpoint") or (f"{arn}:{qualifier}" if qualifier else arn)
        functions(arn, json.dumps(_sns_event(told, message, subject)).encode())

    def get_function(_self: Any, function_name_or_arn: str, qualifier: str | None = None) -> _Function:
        return _Function(f"{function_name_or_arn}:{qualifier}" if qualifier else function_name_or_arn, functions)

    publish.replaced = plain  # type: ignore[attr-defined]
    for owner, method in ((Subscription, publish), (LambdaBackend, send_sns_message), (LambdaBackend, get_function)):
        setattr(owner, method.__name__, method)


def _attributes(rest: tuple[Any, ...], more: dict[str, Any]) -> dict[str, Any]:
    """`publish(message, message_id, subject, message_attributes, …)`."""
    given = more.get("message_attributes", rest[1] if len(rest) > 1 else None) or {}
    return {
        name: {"Type": value.get("Type") or value.get("data_type"), "Value": value.get("Value") or value.get("value")}
        for name, value in given.items()
        if isinstance(value, dict)
    }


def _sns_event(told: dict[str, Any], message: str, subject: str | None) -> dict[str, Any]:
    """What SNS hands to a function (Lambda Developer Guide, "Using AWS Lambda with Amazon SNS")."""
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
    return {
        "Records": [
            {
                "EventSource": "aws:sns",
                "EventVersion": "1.0",
                "EventSubscriptionArn": told.get("subscription", ""),
                "Sns": {
                    "Type": "Notification",
                    "MessageId": told.get("id") or str(uuid.uuid4()),
                    "TopicArn": told.get("topic", ""),
                    "Subject": subject,
                    "Message": message,
                    "Timestamp": now,
                    "SignatureVersion": "1",
                    "Signature": _UNSIGNED,
                    "SigningCertUrl": _UNSIGNED,
                    "UnsubscribeUrl": _UNSIGNED,
                    "MessageAttributes": told.get("attributes", {}),
                },
            }
        ]
    }
