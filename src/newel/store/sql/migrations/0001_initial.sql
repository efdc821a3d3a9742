-- Texts that many rows share (ARN prefixes, machine ids, revision ids, Map Run ARNs) are written once.
CREATE TABLE word (
  id   INTEGER PRIMARY KEY,
  text TEXT NOT NULL UNIQUE
);

-- One small row per execution: what a later turn changes and what lists show. Its ARN is prefix + tail.
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
  redrive_ms    INTEGER
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
