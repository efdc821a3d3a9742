"""Executions and their turns, on every adapter."""

import asyncio

import pytest

from newel.ports.store import AlreadyExists, End, JournalRow, SequenceConflict, Store, StoreUnavailable

from .records import arn_of, contract, execution, outcomes, start, succeeded, turn


@contract
async def test_a_created_execution_is_read_back_whole(store: Store) -> None:
    new = execution(
        type="EXPRESS",
        input='{"k": "ö\\u0000"}',
        version=3,
        alias="prod",
        trace_header="Root=1-2",
        map_run_arn="arn:map",
        redrive_count=2,
        redrive_ms=77,
        parent="who to tell",
        test_case="HappyPath",
        name="another name",
        revision_id="r-2",
    )
    await store.create(new, turn())
    assert await store.execution(new.arn) == new


@contract
async def test_what_is_unknown_is_none(store: Store) -> None:
    await start(store)
    for arn in (arn_of("other"), arn_of("e", "Other"), "", "e", ":"):
        assert await store.execution(arn) is None
        assert await store.load(arn) is None
        assert await store.turns(arn) == []


@contract
async def test_a_taken_arn_is_refused_and_nothing_of_the_second_is_kept(store: Store) -> None:
    await start(store)
    with pytest.raises(AlreadyExists):
        await store.create(execution(input="2", machine_id="id-other"), turn(events=b"second", wake_ms=5, owes=True))
    assert (await store.execution(arn_of("e"))).input == '{"a": 1}'
    assert [row.events for row in await store.turns(arn_of("e"))] == [b"events 1"]
    assert await store.due(10_000, 10) == []
    assert await store.open_count() == 1
    assert await store.open_count("id-other") == 0


@contract
async def test_many_are_created_at_once_but_those_whose_arn_is_taken(store: Store) -> None:
    await start(store, "b")
    names = [f"e{number}" for number in range(300)]
    many = [(execution(name), turn(name, end=succeeded() if name == "e7" else None)) for name in [*names, "b"]]
    assert await store.create_all(many) == {arn_of("b")}
    assert await store.create_all(many[5:9]) == {arn_of(name) for name in names[5:9]}
    assert await store.create_all([]) == frozenset()
    assert await store.open_count() == 300
    assert (await store.execution(arn_of("e7"))).status == "SUCCEEDED"
    assert [row.events for row in await store.turns(arn_of("b"))] == [b"events 1"]
    assert await outcomes(store.create(execution("c"), turn("c")), store.create_all(many[:1])) == [
        None,
        {arn_of("e0")},
    ]


@contract
async def test_many_are_read_at_once(store: Store) -> None:
    await start(store, "a", end=succeeded())
    express = execution("x", arn=arn_of("x").replace(":execution:", ":express:") + ":u-1", type="EXPRESS")
    await store.create(express, turn("x", execution_arn=express.arn))
    arns = [arn_of("missing"), express.arn, arn_of("a"), arn_of("a", "Unknown"), "", "e"]
    found = await store.executions_of(arns)
    assert found == {express.arn: express, arn_of("a"): await store.execution(arn_of("a"))}
    assert await store.executions_of([]) == {}


@contract
async def test_an_arn_stays_taken_after_the_end(store: Store) -> None:
    await start(store, end=succeeded())
    with pytest.raises(AlreadyExists):
        await start(store)


@contract
async def test_an_execution_that_ends_in_its_first_turn(store: Store) -> None:
    await start(store, end=succeeded(2_000, "1"), wake_ms=5, owes=True)
    found = await store.execution(arn_of("e"))
    assert found == execution(status="SUCCEEDED", stop_ms=2_000, output="1")
    assert await store.open_count() == 0
    assert await store.due(10_000, 10) == []
    assert [arn async for arn in store.owing()] == []
    assert (await store.load(arn_of("e"))).rows == [JournalRow(seq=1, at_ms=1_001, events=b"events 1")]


@contract
async def test_turns_are_kept_in_order(store: Store) -> None:
    await start(store)
    for seq in (2, 3):
        await store.append(turn(seq=seq))
    await start(store, "f")
    assert await store.turns(arn_of("e")) == [
        JournalRow(seq=seq, at_ms=1_000 + seq, events=b"events %d" % seq) for seq in (1, 2, 3)
    ]


@pytest.mark.parametrize("seq", [1, 2, 4, 2**24 + 3, -1])
def test_only_the_next_turn_is_taken(make_store, seq: int) -> None:
    async def test(store: Store) -> None:
        await start(store)
        await store.append(turn(seq=2, wake_ms=50))
        with pytest.raises(SequenceConflict):
            await store.append(turn(seq=seq, events=b"late", end=succeeded(), wake_ms=1))
        assert len(await store.turns(arn_of("e"))) == 2
        assert await store.due(100, 10) == [(50, arn_of("e"))]
        assert (await store.execution(arn_of("e"))).status == "RUNNING"
        await store.append(turn(seq=3))

    contract(test)(make_store)


@contract
async def test_a_turn_of_an_unknown_execution_is_refused(store: Store) -> None:
    with pytest.raises(SequenceConflict):
        await store.append(turn(seq=1))
    with pytest.raises(SequenceConflict):
        await store.append(turn(seq=2))


@pytest.mark.parametrize(
    "end",
    [
        End(status="SUCCEEDED", stop_ms=9, output='{"o":1}'),
        End(status="FAILED", stop_ms=9, error="E", cause="C"),
        End(status="TIMED_OUT", stop_ms=9),
        End(status="ABORTED", stop_ms=9, error="", cause=""),
        End(status="PENDING_REDRIVE", stop_ms=0),
    ],
)
def test_the_end_is_shown(make_store, end: End) -> None:
    async def test(store: Store) -> None:
        await start(store)
        await store.append(turn(seq=2, end=end))
        found = await store.execution(arn_of("e"))
        assert found == execution(
            status=end.status, stop_ms=end.stop_ms, output=end.output, error=end.error, cause=end.cause
        )

    contract(test)(make_store)


@contract
async def test_a_redrive_reopens_and_counts(store: Store) -> None:
    await start(store)
    await store.append(turn(seq=2, end=End(status="FAILED", stop_ms=9, error="E", cause="C")))
    await store.append(turn(seq=3, redrive_ms=20, wake_ms=30, owes=True))
    assert await store.execution(arn_of("e")) == execution(redrive_count=1, redrive_ms=20)
    assert await store.open_count("id-M") == 1
    assert await store.due(100, 10) == [(30, arn_of("e"))]
    await store.append(turn(seq=4, end=succeeded(40, "2")))
    await store.append(turn(seq=5, redrive_ms=50, end=succeeded(60, "3")))
    assert await store.execution(arn_of("e")) == execution(
        status="SUCCEEDED", stop_ms=60, output="3", redrive_count=2, redrive_ms=50
    )
    assert await store.open_count() == 0


@contract
async def test_loading_begins_at_the_newest_snapshot(store: Store) -> None:
    await start(store)
    await store.append(turn(seq=2, snapshot=b"two"))
    await store.append(turn(seq=3))
    loaded = await store.load(arn_of("e"))
    assert (loaded.snapshot, loaded.snapshot_seq, [row.seq for row in loaded.rows]) == (b"two", 2, [3])
    await store.save_snapshot(arn_of("e"), 3, b"three")
    await store.save_snapshot(arn_of("e"), 1, b"one")
    await store.save_snapshot(arn_of("e"), 3, b"three again")
    await store.save_snapshot(arn_of("e"), 9, b"of a turn to come")
    await store.save_snapshot(arn_of("unknown"), 1, b"?")
    loaded = await store.load(arn_of("e"))
    assert (loaded.snapshot, loaded.snapshot_seq, list(loaded.rows)) == (b"three", 3, [])
    assert len(await store.turns(arn_of("e"))) == 3


@contract
async def test_the_end_drops_the_snapshot(store: Store) -> None:
    await start(store, snapshot=b"one")
    await store.append(turn(seq=2, end=succeeded()))
    await store.save_snapshot(arn_of("e"), 2, b"too late")
    loaded = await store.load(arn_of("e"))
    assert (loaded.snapshot, loaded.snapshot_seq, len(loaded.rows)) == (None, 0, 2)
    await start(store, "f")
    await store.append(turn("f", seq=2, end=succeeded(), snapshot=b"kept"))
    loaded = await store.load(arn_of("f"))
    assert (loaded.snapshot, loaded.snapshot_seq, list(loaded.rows)) == (b"kept", 2, [])


@contract
async def test_due_gives_the_earliest_and_what_changes_moves(store: Store) -> None:
    for name, wake_ms in (("a", 30), ("b", 10), ("c", None), ("d", 20), ("e", 10), ("f", 40)):
        await start(store, name, wake_ms=wake_ms)
    assert await store.due(40, 3) == [(10, arn_of("b")), (10, arn_of("e")), (20, arn_of("d"))]
    assert await store.due(10, 3) == []
    await store.append(turn("b", 2, wake_ms=35))
    await store.append(turn("e", 2))
    await store.append(turn("d", 2, wake_ms=1, end=succeeded()))
    assert await store.due(100, 10) == [(30, arn_of("a")), (35, arn_of("b")), (40, arn_of("f"))]


@contract
async def test_owing_streams_every_execution_in_flight(store: Store) -> None:
    names = [f"n{number:04}" for number in range(1_203)]
    await asyncio.gather(*(start(store, name, owes=name != "n0007") for name in names))
    await store.append(turn("n0001", 2, owes=False))
    await store.append(turn("n0002", 2, owes=True, end=succeeded()))
    await store.append(turn("n0007", 2, owes=True))
    owing = [arn async for arn in store.owing()]
    assert owing == [arn_of(name) for name in names if name not in ("n0001", "n0002")]


@contract
async def test_owing_may_be_changed_while_it_is_read(store: Store) -> None:
    for number in range(5):
        await start(store, str(number), owes=True)
    seen = []
    async for arn in store.owing():
        seen.append(arn)
        await store.append(turn(arn.rsplit(":", 1)[1], 2, end=succeeded()))
    assert seen == [arn_of(str(number)) for number in range(5)]


@contract
async def test_running_executions_are_counted_and_listed(store: Store) -> None:
    await start(store, "a", start_ms=3)
    await start(store, "b", start_ms=2, fields={"map_run_arn": "arn:map"})
    await start(store, "c", machine="N")
    await start(store, "d", end=succeeded())
    assert await store.open_count() == 3
    assert [await store.open_count(f"id-{name}") for name in "MNO"] == [2, 1, 0]
    assert await store.running("id-M") == [arn_of("b"), arn_of("a")]
    assert await store.running("id-O") == []
    await store.append(turn("a", 2, end=succeeded()))
    assert await store.open_count("id-M") == 1
    assert await store.running("id-M") == [arn_of("b")]


@contract
async def test_writes_queued_together_take_effect_in_order_and_fail_alone(store: Store) -> None:
    await start(store, "old")
    assert await outcomes(
        store.append(turn("new", 2)),
        store.create(execution("new"), turn("new")),
        store.append(turn("new", 2, wake_ms=5)),
        store.create(execution("new"), turn("new", events=b"no")),
        store.append(turn("new", 2, events=b"no")),
        store.create(execution("old"), turn("old", events=b"no")),
        store.append(turn("old", 2)),
        store.save_snapshot(arn_of("old"), 2, b"state"),
        store.append(turn("old", 3, end=succeeded())),
        store.append(turn("old", 4, redrive_ms=7)),
        store.create(execution("third"), turn("third", end=succeeded())),
        store.append(turn("third", 2, redrive_ms=8)),
    ) == [
        SequenceConflict,
        None,
        None,
        AlreadyExists,
        SequenceConflict,
        AlreadyExists,
        None,
        None,
        None,
        None,
        None,
        None,
    ]
    assert [row.events for row in await store.turns(arn_of("new"))] == [b"events 1", b"events 2"]
    assert [row.seq for row in (await store.load(arn_of("old"))).rows] == [1, 2, 3, 4]
    assert await store.execution(arn_of("third")) == execution("third", redrive_count=1, redrive_ms=8)
    assert await store.open_count("id-M") == 3


@contract
async def test_values_no_store_can_hold_fail_alone(store: Store) -> None:
    bad = execution("bad", input="\ud800")
    results = await asyncio.gather(
        store.create(execution("a"), turn("a")),
        store.create(bad, turn("bad")),
        store.append(turn("a", 2)),
        return_exceptions=True,
    )
    assert [results[0], results[2]] == [None, None]
    assert len(await store.turns(arn_of("a"))) == 2


@contract
async def test_a_write_whose_caller_has_gone_is_still_made(store: Store) -> None:
    write = asyncio.ensure_future(store.create(execution(), turn()))
    write.cancel()
    await start(store, "other")
    assert await store.execution(arn_of("e")) == execution()


@contract
async def test_a_long_execution_comes_back_whole(store: Store) -> None:
    await start(store)
    await asyncio.gather(*(store.append(turn(seq=seq)) for seq in range(2, 3_001)))
    assert [row.seq for row in (await store.load(arn_of("e"))).rows] == list(range(1, 3_001))


@contract
async def test_large_payloads(store: Store) -> None:
    large = '"' + "x" * 262_142 + '"'
    await start(store, fields={"input": large}, events=b"y" * 1_000_000)
    await store.append(turn(seq=2, end=succeeded(output=large)))
    found = await store.execution(arn_of("e"))
    assert found.input == found.output == large
    assert (await store.turns(arn_of("e")))[0].events == b"y" * 1_000_000


@contract
async def test_retention_forgets_what_ended_before(store: Store) -> None:
    for name in ("a", "b", "c", "d"):
        await start(store, name, snapshot=b"s", fields={"map_run_arn": "arn:map"} if name == "d" else None)
    await store.append(turn("a", 2, end=succeeded(100)))
    await store.append(turn("b", 2, end=End(status="FAILED", stop_ms=101)))
    await store.append(turn("d", 2, end=End(status="FAILED", stop_ms=0)))
    assert await store.delete_ended_before(100) == 1
    assert await store.delete_ended_before(101) == 1
    assert await store.delete_ended_before(101) == 0
    assert [await store.execution(arn_of(name)) is None for name in "abcd"] == [True, False, False, True]
    assert await store.turns(arn_of("a")) == []
    assert len(await store.turns(arn_of("b"))) == 2
    await start(store, "a")
    assert (await store.load(arn_of("a"))).snapshot is None
    assert len(await store.turns(arn_of("a"))) == 1


@contract
async def test_retention_works_through_any_number(store: Store) -> None:
    await asyncio.gather(*(start(store, f"n{number}", end=succeeded(number)) for number in range(700)))
    assert await store.delete_ended_before(650) == 650
    assert await store.execution(arn_of("n649")) is None
    assert await store.execution(arn_of("n650")) is not None


@contract
async def test_a_reopened_then_deleted_execution_takes_no_more_turns(store: Store) -> None:
    await start(store)
    await store.append(turn(seq=2, end=succeeded(5)))
    await store.append(turn(seq=3))  # after the end: kept, and the end stands
    assert (await store.execution(arn_of("e"))).output == '"done"'
    assert await store.delete_ended_before(6) == 1
    with pytest.raises(SequenceConflict):
        await store.append(turn(seq=4))
    assert await store.turns(arn_of("e")) == []


@contract
async def test_what_was_seen_of_a_deleted_execution_is_forgotten(store: Store) -> None:
    await start(store, end=succeeded(5))
    with pytest.raises(SequenceConflict):
        await store.append(turn(seq=9))
    assert await store.delete_ended_before(6) == 1
    with pytest.raises(SequenceConflict):
        await store.append(turn(seq=2))
    await start(store)
    assert [row.seq for row in await store.turns(arn_of("e"))] == [1]


@contract
async def test_loading_does_not_straddle_a_commit(store: Store) -> None:
    await start(store)
    writes = [store.append(turn(seq=seq, snapshot=b"%d" % seq if seq % 3 else None)) for seq in range(2, 1_500)]
    while not writes[-1].done():
        loaded = await store.load(arn_of("e"))
        assert loaded.snapshot == (b"%d" % loaded.snapshot_seq if loaded.snapshot_seq else None)
        assert [row.seq for row in loaded.rows] == list(
            range(loaded.snapshot_seq + 1, loaded.snapshot_seq + 1 + len(loaded.rows))
        )
        await asyncio.sleep(0)
    await asyncio.gather(*writes)
    assert (await store.load(arn_of("e"))).snapshot_seq == 1_499


@contract
async def test_a_closed_store_refuses_writes(store: Store) -> None:
    await start(store)
    await store.close()
    with pytest.raises(StoreUnavailable, match=r"not open|closed"):
        await store.append(turn(seq=2))
    with pytest.raises(StoreUnavailable):
        await start(store, "f")
    with pytest.raises(StoreUnavailable):
        await store.put_tags("arn", {})
    with pytest.raises(StoreUnavailable):
        await store.delete_ended_before(1)
    await store.open()
    await store.append(turn(seq=2))


@contract
async def test_closing_finishes_what_is_queued(store: Store) -> None:
    writes = [store.create(execution(str(number)), turn(str(number))) for number in range(200)]
    await store.close()
    assert all(write.done() and write.exception() is None for write in writes)
    await store.open()
    assert await store.open_count() == 200
