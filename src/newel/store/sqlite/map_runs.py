"""Map Runs in SQLite."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence

import msgspec

from newel.json import dumps, loads
from newel.ports.store import MapRun, MapShard
from newel.store.sqlite.statements import read_statements

_STATEMENTS = read_statements("map_runs.sql")


def put(run: MapRun, add: Sequence[MapShard], drop: Sequence[int]) -> Callable[[sqlite3.Connection], None]:
    """A Map Run as it stands now, with shards that open and shards that close."""

    def change(connection: sqlite3.Connection) -> None:
        connection.execute(_STATEMENTS["put_map_run"], msgspec.structs.astuple(run))
        for shard in add:
            row = (shard.map_run_arn, shard.number, shard.first, dumps(shard.inputs), dumps(shard.items))
            connection.execute(_STATEMENTS["put_map_shard"], row)
        for number in drop:
            connection.execute(_STATEMENTS["drop_map_shard"], (run.arn, number))

    return change


class MapRunReader:
    """The read half of the MapRuns port."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def map_run(self, arn: str) -> MapRun | None:
        row = self._connection.execute(_STATEMENTS["map_run"], (arn,)).fetchone()
        return None if row is None else MapRun(**dict(zip(MapRun.__struct_fields__, row, strict=True)))

    def map_runs(self, execution_arn: str) -> Sequence[MapRun]:
        rows = self._connection.execute(_STATEMENTS["map_runs"], (execution_arn,)).fetchall()
        return [MapRun(**dict(zip(MapRun.__struct_fields__, row, strict=True))) for row in rows]

    def running(self) -> Sequence[MapRun]:
        rows = self._connection.execute(_STATEMENTS["running_map_runs"]).fetchall()
        return [MapRun(**dict(zip(MapRun.__struct_fields__, row, strict=True))) for row in rows]

    def shards(self, map_run_arn: str) -> Sequence[MapShard]:
        rows = self._connection.execute(_STATEMENTS["map_shards"], (map_run_arn,)).fetchall()
        return [
            MapShard(
                map_run_arn=arn, number=number, first=first, inputs=tuple(loads(inputs)), items=tuple(loads(items))
            )
            for arn, number, first, inputs, items in rows
        ]
