-- What of a source is in quarantine, and why.
SELECT DISTINCT reason, origin, detail
  FROM news.quarantine
 WHERE starts_with(origin, %(folder)s) AND resolved_at IS NULL
 ORDER BY origin, reason
 LIMIT 10;
