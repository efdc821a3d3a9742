import asyncio
import json

import pytest

from newel.errors import ServiceError
from newel.integrations.aws import catalog, models
from newel.integrations.aws.naming import sdk_services
from newel.language.resource import parse_resource
from newel.service.definitions import check_definition
from newel.service.resources import preload_models, resource_errors

REFUSED = (
    "The resource provided arn:aws:states:::aws-sdk:{} is not recognized. The value is not a valid resource ARN, or "
    "the resource is not available in this region."
)


def check(name):
    return catalog.check_resource(parse_resource(f"arn:aws:states:::aws-sdk:{name}"))


@pytest.mark.parametrize(
    "name",
    [
        "s3:getObject",
        "s3:getObjectAttributes",
        "dynamodb:putItem.waitForTaskToken",
        "sfn:startSyncExecution",
        "rekognition:detectLabels",
        "glue:startCrawler",
        "polly:startSpeechSynthesisTask",
        "transcribe:createVocabularyFilter",
        "organizations:listRoots",
        "bedrockagent:startIngestionJob",
        "bedrock:getEvaluationJob",
        "lambda:invoke",
        "cloudwatchlogs:putLogEvents",
        "cognitoidentityprovider:adminCreateUser",
        "costexplorer:getCostAndUsage",
        "eventbridge:putEvents",
        "sesv2:sendEmail",
        "rds:describeDBInstances",
        "sts:getCallerIdentity",
    ],
)
def test_integrations_there_are(name):
    assert check(name) is None


@pytest.mark.parametrize(
    "name",
    [
        "nothing:getObject",
        "stepfunctions:startExecution",  # botocore's name, not the SDK's
        "logs:putLogEvents",
        "s3:dance",
        "s3:selectObjectContent",
        "bedrockruntime:invokeModelWithResponseStream",
        "bedrockruntime:converseStream",
        "cloudwatchlogs:startLiveTail",
        "kinesis:subscribeToShard",
        "lambda:invokeWithResponseStream",
        "lexruntimev2:startConversation",
        "transcribestreaming:startStreamTranscription",
        "sts:assumeRole",
        "rdsdata:executeSql",
    ],
)
def test_integrations_there_are_not(name):
    assert check(name) == REFUSED.format(name)


def test_other_resources_are_not_its_business():
    assert catalog.check_resource(parse_resource("arn:aws:states:::sqs:sendMessage")) is None


def test_the_table_of_unsupported_operations_names_services():
    assert catalog.UNSUPPORTED.keys() <= sdk_services().keys()


def definition(resource):
    inner = {"StartAt": "T", "States": {"T": {"Type": "Task", "Resource": resource, "Parameters": {}, "End": True}}}
    return json.dumps(
        {
            "StartAt": "P",
            "States": {
                "P": {"Type": "Parallel", "Branches": [inner], "Next": "D"},
                "D": {"Type": "Pass", "Result": {"Resource": "arn:aws:states:::aws-sdk:s3:dance"}, "End": True},
            },
        }
    )


def test_a_definition_with_an_unknown_action_is_refused():
    text = definition("arn:aws:states:::aws-sdk:s3:dance")
    with pytest.raises(ServiceError) as refused:
        check_definition(text, "STANDARD")
    found = f"SCHEMA_VALIDATION_FAILED: {REFUSED.format('s3:dance')} at /States/P/Branches[0]/States/T/Resource"
    assert refused.value.message == f"Invalid State Machine Definition: '{found}'"
    check_definition(definition("arn:aws:states:::aws-sdk:s3:listBuckets"), "STANDARD")


@pytest.mark.parametrize("text", ["aws-sdk: no JSON", '["aws-sdk:"]', definition("arn:aws:states:::aws-sdk:Nope")])
def test_what_the_language_refuses_is_left_to_it(text):
    assert resource_errors(text) == []


def test_models_are_read_off_the_loop_beforehand(monkeypatch):
    monkeypatch.setattr(models, "_loaded", {})
    asyncio.run(preload_models(definition("arn:aws:states:::aws-sdk:ec2:describeInstances")))
    assert models._loaded.keys() == {"ec2"}
