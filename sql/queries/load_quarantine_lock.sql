-- Locks the quarantined rows that this batch touches, in one order for all loaders. Parameter: origins (SHA-256 of
-- the origins of loaded records).
SELECT q.quarantine_id
  FROM klartext.quarantine AS q
 WHERE q.origin_sha256 = ANY (%(origins)s) AND q.resolved_at IS NULL
    OR q.origin_sha256 IN (SELECT r.origin_sha256 FROM pg_temp.staged_reject AS r)
 ORDER BY q.quarantine_id
   FOR NO KEY UPDATE;
