import pytest
from botocore.loaders import Loader

from newel.integrations.aws import models, naming

#: Resources whose error prefix no simpler rule would get right. Source: Developer Guide.
PREFIXES = {
    "acmpca": "AcmPca",
    "apigatewayv2": "ApiGatewayV2",
    "applicationdiscovery": "ApplicationDiscovery",
    "b2bi": "B2Bi",
    "cloudhsmv2": "CloudHsmV2",
    "cloudwatchlogs": "CloudWatchLogs",
    "codeartifact": "Codeartifact",
    "costandusagereport": "CostAndUsageReport",
    "costexplorer": "CostExplorer",
    "databasemigration": "DatabaseMigration",
    "devopsguru": "DevOpsGuru",
    "directoryservicedata": "DirectoryServiceData",
    "dynamodb": "DynamoDb",
    "dynamodbstreams": "DynamoDbStreams",
    "elasticloadbalancingv2": "ElasticLoadBalancingV2",
    "eventbridge": "EventBridge",
    "fsx": "FSx",
    "imagebuilder": "Imagebuilder",
    "iot": "Iot",
    "iotsitewise": "IoTSiteWise",
    "iotwireless": "IotWireless",
    "ivschat": "Ivschat",
    "kinesisvideowebrtcstorage": "KinesisVideoWebRtcStorage",
    "lexruntimev2": "LexRuntimeV2",
    "mturk": "MTurk",
    "qapps": "QApps",
    "rdsdata": "RdsData",
    "resourcegroupstaggingapi": "ResourceGroupsTaggingApi",
    "s3control": "S3Control",
    "sagemakera2iruntime": "SageMakerA2IRuntime",
    "sagemakeredge": "SagemakerEdge",
    "secretsmanager": "SecretsManager",
    "servicediscovery": "ServiceDiscovery",
    "sesv2": "SesV2",
    "sfn": "Sfn",
    "timestreaminfluxdb": "TimestreamInfluxDb",
    "wafv2": "Wafv2",
    "workspacesthinclient": "WorkSpacesThinClient",
    "xray": "XRay",
}


@pytest.mark.parametrize(("service", "prefix"), PREFIXES.items())
def test_exception_prefixes(service, prefix):
    assert naming.exception_prefix(models.service_model(naming.sdk_services()[service])) == prefix


@pytest.mark.slow
def test_every_service_is_found_under_the_sdks_name():
    """The table of irregular names covers every service that this botocore knows."""
    by_id = {}
    for service in sorted(models.services()):  # two names have the id of sms-voice: the last one counts
        document = Loader().load_service_model(service, "service-2")  # a loader keeps all it has read
        by_id[naming.sdk_service_name(document["metadata"]["serviceId"])] = service
    assert by_id == naming.sdk_services()
    assert len(by_id) > 400


@pytest.mark.parametrize(
    ("member", "shown"),
    [
        ("stateMachineArn", "StateMachineArn"),
        ("DBInstanceIdentifier", "DbInstanceIdentifier"),
        ("ETag", "ETag"),
        ("ChecksumCRC32", "ChecksumCRC32"),
        ("SSEKMSKeyId", "SsekmsKeyId"),
        ("MD5OfBody", "Md5OfBody"),
        ("URL", "Url"),
        ("S3Key", "S3Key"),
        ("equals", "EqualsValue"),
        ("Default", "DefaultValue"),
        ("id", "Id"),
    ],
)
def test_members_are_shown_as_the_java_sdk_names_them(member, shown):
    shape = models.service_model("sqs").shape_for("Message")
    assert naming.member_name(shape, member) == shown


def test_a_members_name_counts_to_the_case():
    start = naming.members(models.service_model("stepfunctions").operation_model("StartExecution").input_shape)
    assert start.of("StateMachineArn") == "stateMachineArn"
    assert start.of("stateMachineArn") is None
    assert start.of("Nonsense") is None


def test_items_of_dynamodb_are_taken_in_both_spellings():
    value = naming.members(models.service_model("dynamodb").shape_for("AttributeValue"))
    assert [value.of(name) for name in ("S", "Ss", "SS", "Bool", "BOOL", "Nul", "NULL")] == [
        *("S", "SS", "SS", "BOOL", "BOOL", "NULL", "NULL")
    ]
    assert value.shown["NULL"] == "Nul"


@pytest.mark.parametrize(
    ("service", "operation", "code", "name"),
    [
        ("dynamodb", "PutItem", "ResourceNotFoundException", "DynamoDb.ResourceNotFoundException"),
        ("s3", "CreateBucket", "BucketAlreadyExists", "S3.BucketAlreadyExistsException"),
        ("s3", "ListObjects", "NoSuchBucket", "S3.NoSuchBucketException"),
        ("s3", "GetObject", "MethodNotAllowed", "S3.S3Exception"),
        ("s3", "HeadObject", "404", "S3.NoSuchKeyException"),
        ("s3", "HeadBucket", "404", "S3.NoSuchBucketException"),
        ("s3", "GetObject", "404", "S3.S3Exception"),
        ("stepfunctions", "SendTaskSuccess", "InvalidToken", "Sfn.InvalidTokenException"),
        ("secretsmanager", "CreateSecret", "ValidationException", "SecretsManager.SecretsManagerException"),
        ("rds", "CreateDBInstance", "DBInstanceAlreadyExists", "Rds.DbInstanceAlreadyExistsException"),
        ("config", "DeleteConfigRule", "AccessDeniedException", "Config.ConfigException"),
    ],
)
def test_error_names(service, operation, code, name):
    assert naming.error_name(models.service_model(service), operation, code) == name


@pytest.mark.parametrize(
    ("service", "action", "operation"),
    [
        ("s3", "listObjectsV2", "ListObjectsV2"),
        ("rds", "describeDBInstances", "DescribeDBInstances"),
        ("s3", "ListObjectsV2", None),
        ("s3", "listobjectsv2", None),
    ],
)
def test_actions_name_operations(service, action, operation):
    found = naming.operation_of(models.service_model(service), action)
    assert (found and found.name) == operation


def test_unknown_services_and_operations_are_refused():
    with pytest.raises(ValueError, match="Unknown AWS service: nothing"):
        models.service_model("nothing")
    with pytest.raises(ValueError, match="Unknown operation of the AWS service s3: Dance"):
        models.operation_model(models.service_model("s3"), "Dance")
