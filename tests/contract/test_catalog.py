"""State machines, revisions, versions, aliases, activities and tags, on every adapter."""

import msgspec
import pytest

from newel.ports.store import AlreadyExists, Store

from .records import ACCOUNT, activity, alias, contract, machine, outcomes, revision, version

MACHINES = f"{ACCOUNT}:stateMachine:"


@contract
async def test_a_machine_with_its_first_revision_and_version(store: Store) -> None:
    await store.put_machine(machine(next_version=2), revision(), version(1, description="é"))
    assert await store.machine(machine().arn) == machine(next_version=2)
    assert await store.revision("id-M", "INITIAL") == revision()
    assert await store.version("id-M", 1) == version(1, description="é")


@contract
async def test_what_is_unknown_is_none_or_empty(store: Store) -> None:
    assert await store.machine("arn") is None
    assert await store.revision("id-M", "INITIAL") is None
    assert await store.version("id-M", 1) is None
    assert await store.alias("id-M", "a") is None
    assert await store.activity("arn") is None
    assert await store.tags("arn") == {}
    assert await store.machines("", None, 10) == await store.activities("", None, 10) == []
    assert await store.versions("id-M", None, 10) == await store.aliases("id-M", None, 10) == []


@contract
async def test_an_update_replaces_the_machine_and_keeps_old_revisions(store: Store) -> None:
    await store.put_machine(machine(), revision())
    changed = machine(updated_ms=5, revision_id="r-2", type="EXPRESS", status="DELETING")
    await store.put_machine(changed, revision(revision_id="r-2", definition="{}"))
    assert await store.machine(changed.arn) == changed
    assert await store.revision("id-M", "INITIAL") == revision()
    assert (await store.revision("id-M", "r-2")).definition == "{}"


@contract
async def test_a_change_is_seen_by_who_has_read_before(store: Store) -> None:
    await store.put_machine(machine(), revision(), version(1))
    seen = await store.machine(machine().arn), await store.version("id-M", 1)
    assert seen == (machine(), version(1))
    changing = store.put_machine(machine(updated_ms=5))
    await store.machine(machine().arn)  # whether it sees the old one or the new one
    await changing
    assert await store.machine(machine().arn) == machine(updated_ms=5)
    await store.delete_version("id-M", 1)
    assert await store.version("id-M", 1) is None
    await store.delete_machine(machine().arn)
    assert await store.machine(machine().arn) is None


@contract
async def test_the_second_of_two_that_race_changes_nothing(store: Store) -> None:
    await store.put_machine(machine(), revision(), version(1))
    other = machine(id="id-other", updated_ms=9)
    with pytest.raises(AlreadyExists):
        await store.put_machine(other, msgspec.structs.replace(revision(), machine_id="id-other"))
    with pytest.raises(AlreadyExists):
        await store.put_machine(machine(updated_ms=9), revision(definition="other"))
    with pytest.raises(AlreadyExists):
        await store.put_machine(machine(updated_ms=9), revision(revision_id="r-2"), version(1, description="other"))
    assert await store.machine(other.arn) == machine()
    assert await store.revision("id-other", "INITIAL") is None
    assert await store.revision("id-M", "INITIAL") == revision()
    assert await store.revision("id-M", "r-2") is None
    assert await store.version("id-M", 1) == version(1)


@contract
async def test_a_failed_change_does_not_take_others_along(store: Store) -> None:
    await store.put_machine(machine())
    assert await outcomes(
        store.put_tags("arn", {"k": "v"}),
        store.put_machine(machine(id="id-other"), revision("other")),
        store.put_activity(activity("a")),
    ) == [None, AlreadyExists, None]
    assert await store.tags("arn") == {"k": "v"}
    assert await store.activity(activity("a").arn) == activity("a")
    assert await store.revision("id-other", "INITIAL") is None


@contract
async def test_deleting_a_machine_leaves_its_revisions(store: Store) -> None:
    for name in ("M", "N"):
        await store.put_machine(machine(name), revision(name), version(1, name))
    await store.put_alias(alias("a"))
    await store.put_tags(machine().arn, {"k": "v"})
    await store.delete_machine(machine().arn)
    await store.delete_machine("arn:unknown")
    assert await store.machine(machine().arn) is None
    assert await store.version("id-M", 1) is None
    assert await store.alias("id-M", "a") is None
    assert await store.tags(machine().arn) == {}
    assert await store.revision("id-M", "INITIAL") == revision()
    assert await store.version("id-N", 1) == version(1, "N")
    await store.put_machine(machine(id="id-again"))


@contract
async def test_machines_are_paged_by_arn_within_a_prefix(store: Store) -> None:
    for name in ("b", "a", "C", "d"):
        await store.put_machine(machine(name))
    await store.put_machine(machine("x", arn="arn:aws:states:eu-west-1:123456789012:stateMachine:x"))
    await store.put_machine(machine("y", arn="arn:aws:states:us-east-1:123456789013:stateMachine:y"))
    first = await store.machines(MACHINES, None, 3)
    second = await store.machines(MACHINES, first[-1].arn, 3)
    assert [found.name for found in (*first, *second)] == ["C", "a", "b", "d"]
    assert len(await store.machines("", None, 10)) == 6


@contract
async def test_versions_go_newest_first(store: Store) -> None:
    for number in (1, 2, 3, 10):
        await store.put_machine(machine(), None, version(number))
    await store.delete_version("id-M", 2)
    await store.delete_version("id-M", 99)
    assert [found.number for found in await store.versions("id-M", None, 2)] == [10, 3]
    assert [found.number for found in await store.versions("id-M", 3, 2)] == [1]


@contract
async def test_aliases_go_by_creation(store: Store) -> None:
    for name, created_ms in (("z", 1), ("b", 2), ("a", 2), ("c", 3)):
        await store.put_alias(alias(name, created_ms, description="d"))
    assert await store.alias("id-M", "z") == alias("z", 1, description="d")
    assert [found.name for found in await store.aliases("id-M", None, 2)] == ["z", "a"]
    assert [found.name for found in await store.aliases("id-M", "a", 9)] == ["b", "c"]
    await store.put_alias(alias("a", 2, ((3, 100),)))
    assert (await store.alias("id-M", "a")).routes == ((3, 100),)
    await store.delete_alias("id-M", "a")
    assert await store.alias("id-M", "a") is None
    assert [found.name for found in await store.aliases("id-M", "a", 9)] == ["z", "b", "c"]


@contract
async def test_activities(store: Store) -> None:
    for name in ("b", "a"):
        await store.put_activity(activity(name))
    await store.put_tags(activity("a").arn, {"k": "v"})
    assert [found.name for found in await store.activities(ACCOUNT, None, 9)] == ["a", "b"]
    assert [found.name for found in await store.activities(ACCOUNT, activity("a").arn, 9)] == ["b"]
    await store.delete_activity(activity("a").arn)
    assert await store.activity(activity("a").arn) is None
    assert await store.tags(activity("a").arn) == {}


@contract
async def test_tags_are_replaced_and_keep_their_order(store: Store) -> None:
    await store.put_tags("arn", {"z": "1", "a": "ü"})
    assert list((await store.tags("arn")).items()) == [("z", "1"), ("a", "ü")]
    await store.put_tags("arn", {"b": ""})
    assert await store.tags("arn") == {"b": ""}
    await store.put_tags("arn", {})
    assert await store.tags("arn") == {}
