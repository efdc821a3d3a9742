-- Statements of Map Runs. Columns are listed in the order of the record's fields.

-- name: put_map_run
INSERT INTO map_run (arn, execution_arn, machine_arn, status, start_ms, stop_ms, max_concurrency, tolerated_count,
  tolerated_percentage, progress, redrive_count, redrive_ms)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (arn) DO UPDATE SET
  status = excluded.status, stop_ms = excluded.stop_ms, max_concurrency = excluded.max_concurrency,
  tolerated_count = excluded.tolerated_count, tolerated_percentage = excluded.tolerated_percentage,
  progress = excluded.progress, redrive_count = excluded.redrive_count, redrive_ms = excluded.redrive_ms

-- name: put_map_shard
INSERT OR REPLACE INTO map_shard (map_run_arn, number, first, inputs, items) VALUES {rows}

-- name: drop_map_shard
DELETE FROM map_shard WHERE (map_run_arn, number) IN (VALUES {rows})

-- name: map_run
SELECT arn, execution_arn, machine_arn, status, start_ms, stop_ms, max_concurrency, tolerated_count,
  tolerated_percentage, progress, redrive_count, redrive_ms
FROM map_run WHERE arn = ?

-- name: map_runs
SELECT arn, execution_arn, machine_arn, status, start_ms, stop_ms, max_concurrency, tolerated_count,
  tolerated_percentage, progress, redrive_count, redrive_ms
FROM map_run WHERE execution_arn = ? ORDER BY start_ms, arn

-- name: running_map_runs
SELECT arn, execution_arn, machine_arn, status, start_ms, stop_ms, max_concurrency, tolerated_count,
  tolerated_percentage, progress, redrive_count, redrive_ms
FROM map_run WHERE status = 'RUNNING' ORDER BY start_ms, arn

-- name: map_shards
SELECT map_run_arn, number, first, inputs, items FROM map_shard WHERE map_run_arn = ? ORDER BY number
