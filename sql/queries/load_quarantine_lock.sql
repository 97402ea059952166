-- Locks the quarantined rows that this batch touches, in one order for all loaders. Two look-ups by index: joined by OR
-- they would be a walk through the whole quarantine. Parameter: origins (SHA-256 of the origins of loaded records).
SELECT q.quarantine_id
  FROM klartext.quarantine AS q
 WHERE q.quarantine_id IN (
           SELECT l.quarantine_id FROM klartext.quarantine AS l
            WHERE l.origin_sha256 = ANY (%(origins)s) AND l.resolved_at IS NULL
           UNION ALL
           SELECT l.quarantine_id FROM pg_temp.staged_reject AS r JOIN klartext.quarantine AS l USING (origin_sha256)
       )
 ORDER BY q.quarantine_id
   FOR NO KEY UPDATE;
