-- A Map Run: a running one's settings may change, and `progress` moves with every shard (JSON of the runtime's).
CREATE TABLE map_run (
  arn                  TEXT PRIMARY KEY,
  execution_arn        TEXT NOT NULL,
  machine_arn          TEXT NOT NULL,
  status               TEXT NOT NULL,
  start_ms             INTEGER NOT NULL,
  stop_ms              INTEGER,
  max_concurrency      INTEGER NOT NULL,
  tolerated_count      INTEGER NOT NULL,
  tolerated_percentage REAL NOT NULL,
  progress             TEXT NOT NULL,
  redrive_count        INTEGER NOT NULL,
  redrive_ms           INTEGER
) WITHOUT ROWID;

CREATE INDEX map_run_of ON map_run (execution_arn, start_ms, arn);

-- Children of a Map Run that were given out and have not all ended: their inputs, until they have.
CREATE TABLE map_shard (
  map_run_arn TEXT NOT NULL,
  number      INTEGER NOT NULL,
  first       INTEGER NOT NULL,  -- index of the first child
  inputs      TEXT NOT NULL,     -- [JSON text, ...]
  items       TEXT NOT NULL,     -- how many items each child has: [n, ...]
  PRIMARY KEY (map_run_arn, number)
);
