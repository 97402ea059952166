-- What of a source is in quarantine, and why.
SELECT DISTINCT reason, origin, detail
  FROM news.quarantine
 WHERE starts_with(origin, %(folder)s)
 ORDER BY origin, reason
 LIMIT 10;
