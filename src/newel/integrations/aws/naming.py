"""The names that AWS SDK integrations use, against botocore's.

Step Functions takes its names from the AWS SDK for Java 2: the service in a Resource is the name of its package
(`costexplorer`), the prefix of its errors the name of its classes (`DynamoDb`), and a parameter the name of its
setter, in PascalCase (`DbInstanceIdentifier`, `EqualsValue`). All of them follow by rule from the service models,
which botocore and that SDK share; what does not is in the tables here. Source: Developer Guide, "Learning to use AWS
service SDK integrations", whose list of services and prefixes the rules reproduce.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Final

from botocore.model import OperationModel, ServiceModel, Shape, StructureShape  # type: ignore[import-untyped]

from newel.integrations.aws.models import services

#: Where botocore's name of a service is not the SDK's name with dashes.
_BOTOCORE_NAMES: Final = {
    "applicationdiscovery": "discovery",
    "cloudwatchlogs": "logs",
    "cognitoidentityprovider": "cognito-idp",
    "costandusagereport": "cur",
    "costexplorer": "ce",
    "databasemigration": "dms",
    "directory": "ds",
    "directoryservicedata": "ds-data",
    "elasticloadbalancing": "elb",
    "elasticloadbalancingv2": "elbv2",
    "elasticsearch": "es",
    "eventbridge": "events",
    "iotdataplane": "iot-data",
    "iotjobsdataplane": "iot-jobs-data",
    "lexmodelbuilding": "lex-models",
    "lexmodelsv2": "lexv2-models",
    "lexruntimev2": "lexv2-runtime",
    "marketplacemetering": "meteringmarketplace",
    "migrationhub": "mgh",
    "pinpointsmsvoice": "sms-voice",
    "serverlessapplicationrepository": "serverlessrepo",
    "sfn": "stepfunctions",
    "simpledb": "sdb",
}

_BOUNDARY: Final = re.compile(
    r"(?<=[a-z])(?=[A-Z][A-Za-z0-9])"  # cloud|Watch, but not Io|T
    r"|(?<=[A-Z])(?=[A-Z](?!v[0-9])[a-z])"  # EBS|Volume
    r"|(?<=[0-9])(?=[A-Za-z])"  # s3|control
    r"|(?<=[^a-z]{2})(?=v[0-9])"  # SES|v2
    r"|(?<=[^A-Z]{2})(?=V[0-9])"  # gateway|V2
)
_WORD: Final = re.compile(r"[A-Za-z0-9]+")
_LEADING_CAPITALS: Final = re.compile(r"^(?:[A-Z]+(?![a-z])|[A-Z])")

#: What a Java class cannot call a member; the SDK adds `Value`.
_RESERVED: Final = frozenset(
    """
    abstract assert boolean break byte case catch char class const continue default do double else enum extends false
    final finally float for goto if implements import instanceof int interface long native new null package private
    protected public return short static strictfp super switch synchronized this throw throws transient true try void
    volatile while
    build equals getClass hashCode notify notifyAll overrideConfiguration toBuilder toString wait
    """.split()  # noqa: SIM905  (a table of words reads better)
)
#: Members that the SDK renames by hand: (shape, member) -> name.
_RENAMED: Final = {("AttributeValue", "NULL"): "Nul"}

#: A HEAD answers without a body; the SDK knows what its 404 means.
_HEAD_ERRORS: Final = {("HeadBucket", "404"): "NoSuchBucket", ("HeadObject", "404"): "NoSuchKey"}


def words(name: str) -> list[str]:
    """The words of a name: `IoTAnalytics` is `Io`, `T`, `Analytics`, and `API Gateway` two."""
    return [word for run in _WORD.findall(name) for word in _BOUNDARY.sub(" ", run).split()]


def pascal_case(name: str) -> str:
    """`DynamoDB` is `DynamoDb`, `SageMaker A2I Runtime` `SageMakerA2IRuntime`."""
    return "".join(word.capitalize() for word in words(name))


def sdk_service_name(service_id: str) -> str:
    """The service in a Resource, from the model's service id: `Cost Explorer` is `costexplorer`."""
    name = "".join(_WORD.findall(service_id)).lower()
    return name.removeprefix("amazon").removeprefix("aws").removesuffix("service")


@cache
def sdk_services() -> dict[str, str]:
    """The service in a Resource (`sfn`) to botocore's name (`stepfunctions`)."""
    regular = services() - set(_BOTOCORE_NAMES.values())
    irregular = {name: service for name, service in _BOTOCORE_NAMES.items() if service in services()}
    return {service.replace("-", ""): service for service in regular} | irregular


def exception_prefix(model: ServiceModel) -> str:
    """What a service's errors start with: `DynamoDb`, `Sfn`, `CloudWatchLogs`."""
    name = "".join(word.capitalize() for word in words(str(model.service_id)))
    return name.removeprefix("Amazon").removeprefix("Aws").removesuffix("Service") or name


def error_name(model: ServiceModel, operation: str, code: str) -> str:
    """The error of a failed call: `DynamoDb.ResourceNotFoundException`.

    It always ends in `Exception`; an error that the service's model does not have is named after the service
    (`SecretsManager.SecretsManagerException`).
    """
    prefix = exception_prefix(model)
    if model.service_name == "s3":
        code = _HEAD_ERRORS.get((operation, code), code)
    shape = model.shape_for_error_code(code)
    if shape is None:
        return f"{prefix}.{prefix}Exception"
    return f"{prefix}.{pascal_case(shape.name.removesuffix('Fault').removesuffix('Exception'))}Exception"


def action_name(operation: str) -> str:
    """An operation as a Resource has it: `ListObjectsV2` is `listObjectsV2`."""
    return _uncapitalized(operation)


def _uncapitalized(name: str) -> str:
    return _LEADING_CAPITALS.sub(lambda capitals: capitals[0].lower(), name)


@cache
def _operations(model: ServiceModel) -> dict[str, str]:
    return {action_name(name): name for name in model.operation_names}


def operation_of(model: ServiceModel, action: str) -> OperationModel | None:
    """The operation that a Resource's action (`putItem`) names, if the service has it."""
    name = _operations(model).get(action)
    return None if name is None else model.operation_model(name)


def member_name(shape: Shape, member: str) -> str:
    """A member as Step Functions shows it: `stateMachineArn` is `StateMachineArn`, `DBName` `DbName`."""
    renamed = _RENAMED.get((shape.name, member))
    if renamed is not None:
        return renamed
    name = _uncapitalized(member)
    if name in _RESERVED:
        name += "Value"
    return name[0].upper() + name[1:]


class Members:
    """The members of one structure, by both their names."""

    __slots__ = ("_by_name", "shown")

    def __init__(self, shape: StructureShape) -> None:
        self.shown = {member: member_name(shape, member) for member in shape.members}
        # Names that the SDK had to change are taken as the service has them too, and DynamoDB's types (`BOOL`, `SS`)
        # since items are written that way everywhere else.
        self._by_name = {
            member[0].upper() + member[1:]: member
            for member, name in self.shown.items()
            if shape.name == "AttributeValue" or name.lower() != member.lower()
        }
        self._by_name |= {name: member for member, name in self.shown.items()}

    def of(self, name: str) -> str | None:
        """The member that a parameter names; case counts, as on AWS."""
        return self._by_name.get(name)


_members: dict[StructureShape, Members] = {}


def members(shape: StructureShape) -> Members:
    """The members of a structure, worked out once."""
    found = _members.get(shape)
    if found is None:
        found = _members[shape] = Members(shape)
    return found
