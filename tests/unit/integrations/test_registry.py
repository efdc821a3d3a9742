import asyncio

import pytest

from newel.integrations.optimized.http import HttpCaller
from newel.integrations.optimized.targets import http_targets, service_targets
from newel.integrations.registry import Registry, Unsupported, build_registry
from newel.language.resource import parse_resource
from newel.language.services import OPTIMIZED, PATTERN_SUFFIXES
from newel.ports.tasks import Failed

from .fakes import ACCOUNT, REGION, request
from .optimized.caller import Caller


@pytest.fixture
def registry(functions, executions, clock):
    return build_registry(functions, executions, clock)


@pytest.mark.parametrize(
    "resource",
    [
        f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:f",
        "arn:aws:states:::lambda:invoke",
        "arn:aws:states:::lambda:invoke.waitForTaskToken",
        "arn:aws:states:::states:startExecution",
        "arn:aws:states:::states:startExecution.sync",
        "arn:aws:states:::states:startExecution.sync:2",
        "arn:aws:states:::states:startExecution.waitForTaskToken",
    ],
)
def test_supported_integrations_have_a_target(registry, resource):
    assert not isinstance(registry(parse_resource(resource)), Unsupported)


def test_activities_are_not_a_targets_business(registry):
    assert registry(parse_resource(f"arn:aws:states:{REGION}:{ACCOUNT}:activity:a")) is None


@pytest.mark.parametrize("resource", ["arn:aws:states:::batch:submitJob.sync", "arn:aws:states:::aws-sdk:s3:getObject"])
def test_what_this_version_cannot_do_says_so(registry, events, resource):
    target = registry(parse_resource(resource))
    outcome = asyncio.run(target.run(request(resource, "{}"), events))
    cause = f"The service integration {resource} is not supported by this version of Newel."
    assert outcome == Failed("Newel.UnsupportedIntegration", cause, "START_FAILED")


def test_an_aws_sdk_lookup_can_be_plugged_in(functions):
    known = Unsupported()
    registry = Registry(Unsupported(), {}, lambda resource: known if resource.action == "getObject" else None)
    assert registry(parse_resource("arn:aws:states:::aws-sdk:s3:getObject")) is known
    assert registry(parse_resource("arn:aws:states:::aws-sdk:s3:putObject")) is not known


def test_services_are_found_in_every_pattern_that_they_have(functions, executions, clock):
    services = service_targets(Caller()) | http_targets(HttpCaller(), None)
    registry = build_registry(functions, executions, clock, services=services)
    missing = [
        text
        for service, actions in OPTIMIZED.items()
        for action, patterns in actions.items()
        for text in (f"arn:aws:states:::{service}:{action}{PATTERN_SUFFIXES[pattern]}" for pattern in patterns)
        if isinstance(registry(parse_resource(text)), Unsupported)
    ]
    assert missing == ["arn:aws:states:::http:invoke"]
