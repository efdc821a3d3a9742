-- The schema as it is now: what the migrations add up to (a test compares them).

-- Texts that many rows share (ARN prefixes, machine ids, revision ids, Map Run ARNs) are written once.
CREATE TABLE word (
  id   INTEGER PRIMARY KEY,
  text TEXT NOT NULL UNIQUE
);

-- One small row per execution: what a later turn changes and what lists show. Its ARN is prefix + tail: the tail is
-- its name, or an Express execution's name and UUID with a colon between. A name that is NULL stands in the tail.
-- Payloads stand with the turns that brought them. end_seq is the turn that ended it (NULL: it runs).
CREATE TABLE execution (
  id            INTEGER PRIMARY KEY,
  prefix        INTEGER NOT NULL,
  tail          TEXT NOT NULL,
  name          TEXT,  -- NULL: the same as tail
  machine_arn   INTEGER NOT NULL,
  machine       INTEGER NOT NULL,
  revision      INTEGER NOT NULL,
  map_run       INTEGER NOT NULL,  -- 0: none
  express       INTEGER NOT NULL,
  version       INTEGER,
  alias         TEXT,
  start_ms      INTEGER NOT NULL,
  seq           INTEGER NOT NULL,  -- of the last turn
  wake_ms       INTEGER,
  owes          INTEGER NOT NULL,
  status        INTEGER NOT NULL,
  stop_ms       INTEGER,
  end_seq       INTEGER,
  redrive_count INTEGER NOT NULL,
  redrive_ms    INTEGER,
  test_case     TEXT
);

CREATE UNIQUE INDEX execution_arn ON execution (prefix, tail);
CREATE INDEX execution_started ON execution (machine, map_run, start_ms);
CREATE INDEX execution_running ON execution (machine, map_run, start_ms) WHERE stop_ms IS NULL;
CREATE INDEX execution_stopped ON execution (machine, map_run, status, stop_ms) WHERE stop_ms IS NOT NULL;
CREATE INDEX execution_version ON execution (machine, map_run, version, start_ms) WHERE version IS NOT NULL;
CREATE INDEX execution_alias ON execution (machine, map_run, alias, start_ms) WHERE alias IS NOT NULL;
CREATE INDEX execution_due ON execution (wake_ms) WHERE wake_ms IS NOT NULL;
CREATE INDEX execution_owing ON execution (owes) WHERE owes = 1;

-- The journal. The key is execution id * 2^24 + turn number, so one execution's turns lie together and a taken
-- number is a taken key. The first turn carries the input, a turn that ends the execution its result.
CREATE TABLE turn (
  id           INTEGER PRIMARY KEY,
  at_ms        INTEGER NOT NULL,
  trace_header TEXT,
  parent       TEXT,
  error        TEXT,
  cause        TEXT,
  input        TEXT,
  output       TEXT,
  events       BLOB NOT NULL
);

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
CREATE INDEX pack_old ON pack (first_stop_ms);

CREATE TABLE snapshot (
  execution INTEGER PRIMARY KEY,
  seq       INTEGER NOT NULL,
  state     BLOB NOT NULL
);

-- The catalog. Configurations are the API's JSON objects as text.
CREATE TABLE machine (
  arn          TEXT PRIMARY KEY,
  id           TEXT NOT NULL,
  name         TEXT NOT NULL,
  type         TEXT NOT NULL,
  status       TEXT NOT NULL,
  created_ms   INTEGER NOT NULL,
  updated_ms   INTEGER NOT NULL,
  revision_id  TEXT NOT NULL,
  next_version INTEGER NOT NULL
);

CREATE TABLE revision (
  machine_id  TEXT NOT NULL,
  revision_id TEXT NOT NULL,
  definition  TEXT NOT NULL,
  role_arn    TEXT NOT NULL,
  created_ms  INTEGER NOT NULL,
  logging     TEXT NOT NULL,
  tracing     TEXT NOT NULL,
  encryption  TEXT NOT NULL,
  PRIMARY KEY (machine_id, revision_id)
);

CREATE TABLE version (
  machine_id  TEXT NOT NULL,
  number      INTEGER NOT NULL,
  revision_id TEXT NOT NULL,
  created_ms  INTEGER NOT NULL,
  description TEXT,
  PRIMARY KEY (machine_id, number)
) WITHOUT ROWID;

CREATE TABLE alias (
  machine_id  TEXT NOT NULL,
  name        TEXT NOT NULL,
  routes      TEXT NOT NULL,  -- [[version, weight], ...]
  created_ms  INTEGER NOT NULL,
  updated_ms  INTEGER NOT NULL,
  description TEXT,
  PRIMARY KEY (machine_id, name)
) WITHOUT ROWID;

CREATE TABLE activity (
  arn        TEXT PRIMARY KEY,
  name       TEXT NOT NULL,
  created_ms INTEGER NOT NULL,
  encryption TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE tag (
  resource_arn TEXT PRIMARY KEY,
  tags         TEXT NOT NULL  -- a JSON object, in the order given
) WITHOUT ROWID;

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
