"""An `AwsCaller` that holds what it is sent, and what it answers, against botocore's models."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from botocore.model import Shape
from botocore.validate import ParamValidator

from newel.integrations.aws.models import service_model
from newel.ports.aws import AwsAnswer, AwsError

Answer = dict[str, Any] | AwsError


@dataclass
class Caller:
    """Answers each operation with the next of its `answers`; the last one serves all later calls."""

    answers: dict[str, list[Answer]] = field(default_factory=dict)
    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    options: list[dict[str, Any]] = field(default_factory=list)
    headers: Mapping[str, str] = field(default_factory=lambda: {"content-type": "application/x-amz-json-1.0"})

    async def call(self, service, operation, parameters, **options) -> AwsAnswer:
        model = service_model(service).operation_model(operation)
        check(model.input_shape, parameters)
        self.calls.append((f"{service}.{operation}", dict(parameters)))
        self.options.append(options)
        answers = self.answers[operation]
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if isinstance(answer, AwsError):
            raise answer
        check(model.output_shape, answer)
        return AwsAnswer(result=answer, status=200, headers=self.headers, request_id="req-1")

    def sent(self, operation: str) -> list[dict[str, Any]]:
        return [parameters for name, parameters in self.calls if name.partition(".")[2] == operation]


def check(shape: Shape | None, given: Mapping[str, Any]) -> None:
    """What does not fit the model fails the test."""
    if shape is None:
        assert not given
        return
    report = ParamValidator().validate(given, shape)
    assert not report.has_errors(), report.generate_report()


Sample = Callable[[Shape], Any]


def sample(shape: Shape, depth: int = 4) -> Any:
    """A value that fits a shape: all required members, and the others as far as `depth` goes."""
    kind = shape.type_name
    if getattr(shape, "is_document_type", False):
        return {"any": "thing"}
    if kind == "structure":
        if getattr(shape, "is_tagged_union", False):
            name, member = next(iter(shape.members.items()))
            return {name: sample(member, depth - 1)}
        return {
            name: sample(member, depth - 1)
            for name, member in shape.members.items()
            if depth > 0 or name in shape.required_members
        }
    if kind == "list":
        return [sample(shape.member, depth - 1)] * max(1, shape.metadata.get("min", 1))
    if kind == "map":
        return {sample(shape.key, 0): sample(shape.value, depth - 1)}
    if kind == "string":
        return shape.enum[0] if shape.enum else "s" * max(3, shape.metadata.get("min", 0))
    return {
        "boolean": True,
        "integer": max(1, shape.metadata.get("min", 1)),
        "long": max(1, shape.metadata.get("min", 1)),
        "float": 1.5,
        "double": 1.5,
        "blob": b"blob",
        "timestamp": 1_700_000_000,
    }[kind]
