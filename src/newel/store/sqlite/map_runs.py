"""Map Runs in SQLite."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

import msgspec

from newel.json import dumps, loads
from newel.ports.store import MapRun, MapShard
from newel.store.sqlite.statements import RowsStatement, read_statements

_STATEMENTS = read_statements("map_runs.sql")


_PUT_SHARDS = RowsStatement(_STATEMENTS["put_map_shard"])
_DROP_SHARDS = RowsStatement(_STATEMENTS["drop_map_shard"])


class MapRunWriter:
    """Gathers a batch's changes to Map Runs: of each the last record counts."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self.forget()

    def forget(self) -> None:
        """Nothing is gathered."""
        self._runs: dict[str, MapRun] = {}
        self._add: list[MapShard] = []
        self._drop: set[tuple[str, int]] = set()

    def put(self, run: MapRun, add: Sequence[MapShard], drop: Sequence[int]) -> None:
        """A Map Run as it stands now, with shards that open and shards that close."""
        if self._drop and any((shard.map_run_arn, shard.number) in self._drop for shard in add):
            self.flush()
        self._runs[run.arn] = run
        self._add += add
        self._drop.update((run.arn, number) for number in drop)

    def flush(self) -> None:
        """Write what was gathered."""
        for run in self._runs.values():
            self._connection.execute(_STATEMENTS["put_map_run"], msgspec.structs.astuple(run))
        _PUT_SHARDS.run(
            self._connection,
            [(one.map_run_arn, one.number, one.first, dumps(one.inputs), dumps(one.items)) for one in self._add],
        )
        _DROP_SHARDS.run(self._connection, list(self._drop))
        if self._runs:
            self.forget()


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
