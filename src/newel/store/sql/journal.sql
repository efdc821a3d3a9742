-- Statements of the journal. `{rows}` stands for one or more rows of values.

-- name: insert_execution
INSERT INTO execution (
  id, prefix, tail, name, machine_arn, machine, revision, map_run, express, version, alias, start_ms,
  seq, wake_ms, owes, status, stop_ms, end_seq, redrive_count, redrive_ms, test_case
) VALUES {rows} ON CONFLICT (prefix, tail) DO NOTHING

-- name: inserted_executions
SELECT id FROM execution WHERE id >= ?

-- name: insert_turn
INSERT INTO turn (id, at_ms, trace_header, parent, error, cause, input, output, events) VALUES {rows}

-- name: progress
-- A turn that neither ends nor reopens its execution.
WITH change (id, seq, wake_ms, owes) AS (VALUES {rows})
UPDATE execution SET seq = change.seq, wake_ms = change.wake_ms, owes = change.owes
FROM change WHERE execution.id = change.id

-- name: turn_over
-- A turn that ends or reopens its execution.
WITH change (id, seq, wake_ms, owes, status, stop_ms, end_seq, redrives, redrive_ms) AS (VALUES {rows})
UPDATE execution SET
  seq = change.seq, wake_ms = change.wake_ms, owes = change.owes,
  status = change.status, stop_ms = change.stop_ms, end_seq = change.end_seq,
  redrive_count = execution.redrive_count + change.redrives,
  redrive_ms = coalesce(change.redrive_ms, execution.redrive_ms)
FROM change WHERE execution.id = change.id

-- name: put_snapshot
INSERT INTO snapshot (execution, seq, state) VALUES {rows}
ON CONFLICT (execution) DO UPDATE SET seq = excluded.seq, state = excluded.state WHERE excluded.seq > snapshot.seq

-- name: drop_snapshot
DELETE FROM snapshot WHERE execution IN (VALUES {rows})

-- name: head
-- What decides whether a turn is the next one.
SELECT id, seq, machine, stop_ms IS NULL FROM execution WHERE prefix = ? AND tail = ?

-- name: last_execution_id
SELECT max((SELECT coalesce(max(id), 0) FROM execution), (SELECT coalesce(max(last_id), 0) FROM pack))

-- name: running_counts
SELECT machine, count(*) FROM execution WHERE stop_ms IS NULL GROUP BY machine

-- name: word_id
SELECT id FROM word WHERE text = ?

-- name: word_text
SELECT text FROM word WHERE id = ?

-- name: insert_word
INSERT INTO word (text) VALUES (?)

-- name: execution
SELECT e.id, e.seq, e.name, e.machine_arn, e.machine, e.revision, e.map_run, e.express, e.version, e.alias,
  e.start_ms, e.status, e.stop_ms, e.redrive_count, e.redrive_ms,
  f.input, f.trace_header, f.parent, l.output, l.error, l.cause, e.test_case
FROM execution e
CROSS JOIN turn f ON f.id = (e.id << 24) + 1
LEFT JOIN turn l ON l.id = (e.id << 24) + e.end_seq
WHERE e.prefix = ? AND e.tail = ?

-- name: executions
-- Many at once, in any order.
WITH wanted (prefix, tail) AS (VALUES {rows})
SELECT wanted.prefix, wanted.tail, e.name, e.machine_arn, e.machine, e.revision, e.map_run, e.express, e.version,
  e.alias, e.start_ms, e.status, e.stop_ms, e.redrive_count, e.redrive_ms,
  f.input, f.trace_header, f.parent, l.output, l.error, l.cause, e.test_case
FROM wanted
CROSS JOIN execution e ON e.prefix = wanted.prefix AND e.tail = wanted.tail
CROSS JOIN turn f ON f.id = (e.id << 24) + 1
LEFT JOIN turn l ON l.id = (e.id << 24) + e.end_seq

-- name: execution_id
SELECT id FROM execution WHERE prefix = ? AND tail = ?

-- name: snapshot
SELECT seq, state FROM snapshot WHERE execution = ?

-- name: turns
SELECT id & 16777215, at_ms, events FROM turn WHERE id > ? AND id <= ? ORDER BY id

-- name: due
SELECT e.wake_ms, w.text || e.tail FROM execution e CROSS JOIN word w ON w.id = e.prefix
WHERE e.wake_ms < ? ORDER BY e.wake_ms, e.id LIMIT ?

-- name: owing
SELECT e.id, w.text || e.tail FROM execution e CROSS JOIN word w ON w.id = e.prefix
WHERE e.owes = 1 AND e.id > ? ORDER BY e.id LIMIT ?

-- name: running
SELECT w.text || e.tail FROM execution e CROSS JOIN word w ON w.id = e.prefix
WHERE e.stop_ms IS NULL AND e.machine = ? ORDER BY e.start_ms, w.text || e.tail

-- name: summaries
-- {index} and {sort} go by the filter: an index that holds its rows in the order asked for, so a page costs a page.
SELECT w.text || e.tail AS arn, e.name, e.machine_arn, e.machine, e.revision, e.map_run, e.express, e.version, e.alias,
  e.start_ms, e.status, e.stop_ms, e.redrive_count, e.redrive_ms
FROM execution e INDEXED BY {index} CROSS JOIN word w ON w.id = e.prefix
WHERE {conditions}
ORDER BY {sort} DESC, arn DESC LIMIT ?

-- name: ended_groups
-- The distinct leading columns of execution_stopped, found by one seek each instead of reading the index through.
WITH RECURSIVE found (id) AS (
  SELECT (
    SELECT id FROM execution WHERE stop_ms IS NOT NULL ORDER BY machine, map_run, status LIMIT 1
  )
  UNION ALL
  SELECT (
    SELECT later.id FROM execution later
    WHERE later.stop_ms IS NOT NULL
      AND (later.machine, later.map_run, later.status) > (last.machine, last.map_run, last.status)
    ORDER BY later.machine, later.map_run, later.status LIMIT 1
  )
  FROM found JOIN execution last ON last.id = found.id
)
SELECT e.machine, e.map_run, e.status FROM found JOIN execution e ON e.id = found.id

-- name: ended_before
SELECT id FROM execution WHERE machine = ? AND map_run = ? AND status = ? AND stop_ms < ? LIMIT ?

-- name: delete_execution
DELETE FROM execution WHERE id = ?

-- name: delete_turns
DELETE FROM turn WHERE id > (?1 << 24) AND id < ((?1 + 1) << 24)

-- name: delete_snapshot
DELETE FROM snapshot WHERE execution = ?

-- name: delete_map_shards
DELETE FROM map_shard WHERE map_run_arn IN (
  SELECT r.arn FROM execution e JOIN word w ON w.id = e.prefix JOIN map_run r ON r.execution_arn = w.text || e.tail
  WHERE e.id = ?
)

-- name: delete_map_runs
DELETE FROM map_run WHERE execution_arn = (
  SELECT w.text || e.tail FROM execution e JOIN word w ON w.id = e.prefix WHERE e.id = ?
)
