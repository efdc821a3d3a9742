-- Statements of packs: many executions in one row.

-- name: insert_pack
INSERT INTO pack (
  id, last_id, prefix, first_tail, last_tail, machine, map_run, statuses,
  first_start_ms, last_start_ms, first_stop_ms, last_stop_ms, executions
) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)

-- name: pack_before
-- The pack that may hold an execution: the last that begins at its tail or before.
SELECT id, last_tail FROM pack WHERE prefix = ? AND first_tail <= ? ORDER BY first_tail DESC LIMIT 1

-- name: in_the_way
-- Whether a pack from ?2 to ?3 would reach into another, or over an execution with a row of its own.
SELECT (SELECT last_tail FROM pack WHERE prefix = ?1 AND first_tail <= ?3 ORDER BY first_tail DESC LIMIT 1) >= ?2
  OR EXISTS (SELECT 1 FROM execution WHERE prefix = ?1 AND tail BETWEEN ?2 AND ?3)

-- name: pack
SELECT prefix, executions FROM pack WHERE id = ?

-- name: delete_pack
DELETE FROM pack WHERE id = ?

-- name: packs
-- {index} and {sort} as in the journal's summaries.
SELECT id, last_{sort}_ms FROM pack INDEXED BY {index}
WHERE machine = ? AND map_run = ? AND statuses & ? AND first_{sort}_ms <= ?
ORDER BY last_{sort}_ms DESC

-- name: old_packs
SELECT id, last_stop_ms FROM pack WHERE first_stop_ms < ? LIMIT ?
