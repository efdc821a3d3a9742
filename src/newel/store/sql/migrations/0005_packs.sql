-- Many executions in one row: those that ended as they started and have nothing else to keep (Express children of Map
-- Runs). They lie between first_tail and last_tail, and no two packs overlap. `statuses` has a bit for each that occurs.
-- The ids that the executions would have are kept free for them.
CREATE TABLE pack (
  id             INTEGER PRIMARY KEY,
  last_id        INTEGER NOT NULL,
  prefix         INTEGER NOT NULL,
  first_tail     TEXT NOT NULL,
  last_tail      TEXT NOT NULL,
  machine        INTEGER NOT NULL,
  map_run        INTEGER NOT NULL,
  statuses       INTEGER NOT NULL,
  first_start_ms INTEGER NOT NULL,
  last_start_ms  INTEGER NOT NULL,
  first_stop_ms  INTEGER NOT NULL,
  last_stop_ms   INTEGER NOT NULL,
  executions     BLOB NOT NULL
);

CREATE UNIQUE INDEX pack_arn ON pack (prefix, first_tail);
CREATE INDEX pack_started ON pack (machine, map_run, last_start_ms);
CREATE INDEX pack_stopped ON pack (machine, map_run, last_stop_ms);
CREATE INDEX pack_old ON pack (first_stop_ms)
