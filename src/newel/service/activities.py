"""Activities, and the answers of workers by task token."""

from newel.errors import ServiceError
from newel.ports.store import Activity
from newel.service.arns import activity_arn
from newel.service.configuration import encryption_of, encryption_text
from newel.service.core import Answer, Caller, Core, Request, seconds
from newel.service.errors import activity_does_not_exist
from newel.service.names import check_name
from newel.service.pages import page_size
from newel.service.tags import check_tags, tags_of


async def create_activity(core: Core, caller: Caller, request: Request) -> Answer:
    """CreateActivity: idempotent on the name; another encryption is ActivityAlreadyExists."""
    name = request["name"]
    check_name(name)
    arn, prefix = caller.arn("activity", name), caller.arn("activity", "")
    encryption = encryption_text(request.get("encryptionConfiguration"))
    tags = tags_of(request.get("tags"))
    check_tags(arn, tags)
    async with core.catalog_lock:
        activity = await core.store.activity(arn)
        if activity is None:
            await core.census.check("Activity", prefix, core.limits.activities_max)
            activity = Activity(arn=arn, name=name, created_ms=core.clock.now_ms(), encryption=encryption)
            await core.store.put_activity(activity)
            if tags:
                await core.store.put_tags(arn, tags)
            core.census.add("Activity", prefix, 1)
        elif encryption_of(activity.encryption) != encryption_of(encryption):
            raise ServiceError("ActivityAlreadyExists", f"Activity Already Exists: '{arn}'")
    return {"activityArn": arn, "creationDate": seconds(activity.created_ms)}


async def delete_activity(core: Core, caller: Caller, request: Request) -> Answer:
    """DeleteActivity; deleting what is not there succeeds (recorded)."""
    arn = activity_arn(request["activityArn"])
    async with core.catalog_lock:
        if await core.store.activity(arn) is not None:
            await core.store.delete_activity(arn)
            core.census.add("Activity", caller.arn("activity", ""), -1)
    return {}


async def _existing(core: Core, text: str) -> Activity:
    activity = await core.store.activity(activity_arn(text))
    if activity is None:
        raise activity_does_not_exist(text)
    return activity


async def describe_activity(core: Core, caller: Caller, request: Request) -> Answer:  # noqa: ARG001
    """DescribeActivity."""
    activity = await _existing(core, request["activityArn"])
    return {
        "activityArn": activity.arn,
        "name": activity.name,
        "creationDate": seconds(activity.created_ms),
        "encryptionConfiguration": encryption_of(activity.encryption),
    }


async def list_activities(core: Core, caller: Caller, request: Request) -> Answer:
    """ListActivities of the caller's account and region, by name."""
    size = page_size(request)
    after = core.tokens.read("ListActivities", request)
    found = await core.store.activities(caller.arn("activity", ""), after, size + 1)
    answer: Answer = {
        "activities": [
            {"activityArn": activity.arn, "name": activity.name, "creationDate": seconds(activity.created_ms)}
            for activity in found[:size]
        ]
    }
    if len(found) > size:
        answer["nextToken"] = core.tokens.issue("ListActivities", request, found[size - 1].arn)
    return answer


async def get_activity_task(core: Core, caller: Caller, request: Request) -> Answer:  # noqa: ARG001
    """GetActivityTask: a long poll; an answer without `taskToken` means that nothing came."""
    arn = (await _existing(core, request["activityArn"])).arn
    task = await core.runtime.get_activity_task(arn, request.get("workerName"))
    return {} if task is None else {"taskToken": task[0], "input": task[1]}


async def send_task_success(core: Core, caller: Caller, request: Request) -> Answer:  # noqa: ARG001
    """SendTaskSuccess: the output must be JSON."""
    await core.runtime.send_task_success(request["taskToken"], request["output"])
    return {}


async def send_task_failure(core: Core, caller: Caller, request: Request) -> Answer:  # noqa: ARG001
    """SendTaskFailure; error and cause may be left out."""
    await core.runtime.send_task_failure(request["taskToken"], request.get("error"), request.get("cause"))
    return {}


async def send_task_heartbeat(core: Core, caller: Caller, request: Request) -> Answer:  # noqa: ARG001
    """SendTaskHeartbeat."""
    await core.runtime.send_task_heartbeat(request["taskToken"])
    return {}
