"""ListExecutions: order, filters and pages."""

from collections.abc import Sequence

import msgspec

from newel.ports.store import End, ExecutionFilter, ExecutionSummary, Store

from .records import arn_of, contract, execution, start, succeeded, turn

ALL = ExecutionFilter(machine_id="id-M")


def names(found: Sequence[ExecutionSummary]) -> str:
    return "".join(summary.name for summary in found)


async def pages(store: Store, wanted: ExecutionFilter, *, by_stop: bool = False) -> str:
    """The names of all pages, read with the last one's key."""
    seen = ""
    while found := await store.executions(wanted):
        assert len(found) <= wanted.limit
        seen += names(found)
        last = found[-1]
        after = ((last.stop_ms if by_stop else last.start_ms), last.arn)
        wanted = msgspec.structs.replace(wanted, after=after)
    return seen


@contract
async def test_a_summary_shows_the_execution_without_payloads(store: Store) -> None:
    new = execution(type="EXPRESS", version=3, alias="prod", redrive_count=1, redrive_ms=5, name="x", revision_id="r")
    await store.create(new, turn(end=succeeded(2_000)))
    (found,) = await store.executions(ALL)
    assert found == ExecutionSummary(
        arn=new.arn,
        machine_arn=new.machine_arn,
        machine_id="id-M",
        revision_id="r",
        name="x",
        status="SUCCEEDED",
        start_ms=1_000,
        type="EXPRESS",
        stop_ms=2_000,
        version=3,
        alias="prod",
        redrive_count=1,
        redrive_ms=5,
    )


@contract
async def test_all_go_by_start_newest_first(store: Store) -> None:
    for name, start_ms in (("a", 3), ("b", 1), ("c", 2)):
        await start(store, name, start_ms=start_ms)
    await store.append(turn("b", 2, end=succeeded(9)))
    await start(store, "z", machine="N")
    assert names(await store.executions(ALL)) == "acb"
    assert await store.executions(ExecutionFilter(machine_id="unknown")) == []


@contract
async def test_ended_ones_go_by_stop_and_running_ones_by_start(store: Store) -> None:
    for name, start_ms, stop_ms in (("a", 1, 30), ("b", 2, 10), ("c", 3, 20), ("d", 4, None), ("e", 5, None)):
        await start(store, name, start_ms=start_ms, end=succeeded(stop_ms) if stop_ms else None)
    await start(store, "f", end=End(status="FAILED", stop_ms=5))
    assert names(await store.executions(msgspec.structs.replace(ALL, status="SUCCEEDED"))) == "acb"
    assert names(await store.executions(msgspec.structs.replace(ALL, status="RUNNING"))) == "ed"
    assert names(await store.executions(msgspec.structs.replace(ALL, status="FAILED"))) == "f"
    assert names(await store.executions(msgspec.structs.replace(ALL, status="ABORTED"))) == ""


@contract
async def test_pages_are_complete_when_times_are_equal(store: Store) -> None:
    order = "dbfaehcg"
    for position, name in enumerate(order):
        await start(store, name, start_ms=5 if position < 6 else 4, end=succeeded(7))
    for limit in (1, 2, 3, 100):
        wanted = msgspec.structs.replace(ALL, limit=limit)
        assert await pages(store, wanted) == "hfedbagc"
        assert await pages(store, msgspec.structs.replace(wanted, status="SUCCEEDED"), by_stop=True) == "hgfedcba"


@contract
async def test_pages_stand_still_while_executions_start_and_end(store: Store) -> None:
    for position, name in enumerate("abcd"):
        await start(store, name, start_ms=position)
    first = await store.executions(msgspec.structs.replace(ALL, limit=2))
    await start(store, "e", start_ms=9)
    await store.append(turn("c", 2, end=succeeded()))
    after = (first[-1].start_ms, first[-1].arn)
    assert names(first) + names(await store.executions(msgspec.structs.replace(ALL, after=after))) == "dcba"


@contract
async def test_versions_and_aliases_narrow(store: Store) -> None:
    rows = (("a", 1, "x", None), ("b", 1, "y", 9), ("c", 2, "x", 8), ("d", None, None, 7), ("e", 1, "x", 6))
    for position, (name, version, alias, stop_ms) in enumerate(rows):
        fields = {"version": version, "alias": alias}
        await start(store, name, start_ms=position, fields=fields, end=succeeded(stop_ms) if stop_ms else None)

    async def found(**narrow: object) -> str:
        wanted = ExecutionFilter(machine_id="id-M", limit=2, **narrow)
        return await pages(store, wanted, by_stop=narrow.get("status") == "SUCCEEDED")

    assert await found(version=1) == "eba"
    assert await found(alias="x") == "eca"
    assert await found(version=1, alias="x") == "ea"
    assert await found(version=1, status="SUCCEEDED") == "be"
    assert await found(alias="x", status="RUNNING") == "a"
    assert await found(version=7) == ""


@contract
async def test_children_of_a_map_run_are_listed_with_it_alone(store: Store) -> None:
    await start(store, "a")
    for position, name in enumerate("bcd"):
        await start(store, name, start_ms=position, fields={"map_run_arn": f"arn:map:{name == 'd'}"})
    assert names(await store.executions(ALL)) == "a"
    wanted = ExecutionFilter(machine_id="id-M", map_run_arn="arn:map:False")
    assert names(await store.executions(wanted)) == "cb"
    assert names(await store.executions(msgspec.structs.replace(wanted, status="RUNNING", limit=1))) == "c"
    assert await store.executions(msgspec.structs.replace(wanted, map_run_arn="arn:none")) == []
    assert (await store.executions(wanted))[0].map_run_arn == "arn:map:False"


@contract
async def test_equal_times_go_by_the_whole_arn(store: Store) -> None:
    for name, arn in (("a", "arn:z:1"), ("b", arn_of("q")), ("c", "arn:z:1:0"), ("d", "arn:z:2")):
        new = execution(name, arn=arn)
        await store.create(new, turn(execution_arn=arn))
    assert await pages(store, msgspec.structs.replace(ALL, limit=1)) == "dcab"
