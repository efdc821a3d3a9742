-- Statements of the catalog. Columns are listed in the order of the record's fields.

-- name: put_machine
-- Replaces the same incarnation only; no row changes if the ARN is held by another.
INSERT INTO machine (arn, id, name, type, status, created_ms, updated_ms, revision_id, next_version)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (arn) DO UPDATE SET
  name = excluded.name, type = excluded.type, status = excluded.status, created_ms = excluded.created_ms,
  updated_ms = excluded.updated_ms, revision_id = excluded.revision_id, next_version = excluded.next_version
WHERE machine.id = excluded.id

-- name: insert_revision
INSERT INTO revision (machine_id, revision_id, definition, role_arn, created_ms, logging, tracing, encryption)
VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING

-- name: insert_version
INSERT INTO version (machine_id, number, revision_id, created_ms, description)
VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING

-- name: delete_versions
DELETE FROM version WHERE machine_id = (SELECT id FROM machine WHERE arn = ?)

-- name: delete_aliases
DELETE FROM alias WHERE machine_id = (SELECT id FROM machine WHERE arn = ?)

-- name: delete_machine_tags
DELETE FROM tag WHERE resource_arn = (SELECT arn FROM machine WHERE arn = ?)

-- name: delete_machine
DELETE FROM machine WHERE arn = ?

-- name: machine
SELECT arn, id, name, type, status, created_ms, updated_ms, revision_id, next_version FROM machine WHERE arn = ?

-- name: machines
SELECT arn, id, name, type, status, created_ms, updated_ms, revision_id, next_version FROM machine
WHERE arn > ?1 AND arn >= ?2 AND substr(arn, 1, length(?2)) = ?2 ORDER BY arn LIMIT ?3

-- name: revision
SELECT machine_id, revision_id, definition, role_arn, created_ms, logging, tracing, encryption FROM revision
WHERE machine_id = ? AND revision_id = ?

-- name: version
SELECT machine_id, number, revision_id, created_ms, description FROM version WHERE machine_id = ? AND number = ?

-- name: versions
SELECT machine_id, number, revision_id, created_ms, description FROM version
WHERE machine_id = ? AND number < ? ORDER BY number DESC LIMIT ?

-- name: delete_version
DELETE FROM version WHERE machine_id = ? AND number = ?

-- name: put_alias
INSERT OR REPLACE INTO alias (machine_id, name, routes, created_ms, updated_ms, description) VALUES (?, ?, ?, ?, ?, ?)

-- name: delete_alias
DELETE FROM alias WHERE machine_id = ? AND name = ?

-- name: alias
SELECT machine_id, name, routes, created_ms, updated_ms, description FROM alias WHERE machine_id = ? AND name = ?

-- name: aliases
SELECT a.machine_id, a.name, a.routes, a.created_ms, a.updated_ms, a.description FROM alias a
LEFT JOIN alias last ON last.machine_id = a.machine_id AND last.name = ?2
WHERE a.machine_id = ?1 AND (last.name IS NULL OR (a.created_ms, a.name) > (last.created_ms, last.name))
ORDER BY a.created_ms, a.name LIMIT ?3

-- name: put_activity
INSERT OR REPLACE INTO activity (arn, name, created_ms, encryption) VALUES (?, ?, ?, ?)

-- name: delete_activity
DELETE FROM activity WHERE arn = ?

-- name: activity
SELECT arn, name, created_ms, encryption FROM activity WHERE arn = ?

-- name: activities
SELECT arn, name, created_ms, encryption FROM activity
WHERE arn > ?1 AND arn >= ?2 AND substr(arn, 1, length(?2)) = ?2 ORDER BY arn LIMIT ?3

-- name: put_tags
INSERT OR REPLACE INTO tag (resource_arn, tags) VALUES (?, ?)

-- name: delete_tags
DELETE FROM tag WHERE resource_arn = ?

-- name: tags
SELECT tags FROM tag WHERE resource_arn = ?
