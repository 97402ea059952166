-- The newest run of the DAG `process` over a source's paths that began at or after a moment, with its counts.
SELECT id, state, read, inserted, updated, unchanged, rejected, duplicates
  FROM news.run
 WHERE kind = 'process' AND started_at >= %(since)s AND parameters->>'source' = %(source)s
 ORDER BY id DESC
 LIMIT 1;
