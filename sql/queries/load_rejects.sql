-- Rejects into quarantine; the same one again keeps the time of its first visit.
INSERT INTO klartext.quarantine AS q
       (origin_sha256, origin, source, url, stage, reason, detail, payload, payload_sha256, run_id)
SELECT origin_sha256, origin, source, url, stage, reason, detail, payload, payload_sha256, run_id
  FROM pg_temp.staged_reject
 ORDER BY origin_sha256, stage, payload_sha256
ON CONFLICT (origin_sha256, stage, payload_sha256) DO UPDATE
   SET reason = excluded.reason, detail = excluded.detail, source = excluded.source, url = excluded.url,
       run_id = excluded.run_id, retried_at = now(), resolved_at = NULL;
