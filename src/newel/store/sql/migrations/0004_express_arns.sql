-- The ARN of an Express child ends in its name twice. Both are its tail now, so that many share a prefix.
CREATE TEMP TABLE moved AS
SELECT e.id, w.id AS old, e.tail, substr(w.text, 1, length(w.text) - length(e.tail) - 1) AS prefix
FROM execution e JOIN word w ON w.id = e.prefix
WHERE e.express = 1 AND substr(w.text, -length(e.tail) - 1) = e.tail || ':';

INSERT OR IGNORE INTO word (text) SELECT DISTINCT prefix FROM moved;

UPDATE execution SET
  prefix = (SELECT id FROM word WHERE text = moved.prefix), tail = moved.tail || ':' || moved.tail
FROM moved WHERE execution.id = moved.id;

DELETE FROM word WHERE id IN (SELECT old FROM moved);

DROP TABLE moved
