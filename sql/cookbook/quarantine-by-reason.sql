-- What was rejected, at which stage and why? With an example of each; what could be loaded later is left out.
SELECT stage, reason, count(*) AS records, max(coalesce(retried_at, at)) AS latest,
       (array_agg(origin ORDER BY at DESC, origin))[1] AS for_example,
       (array_agg(detail ORDER BY at DESC, origin))[1] AS detail
  FROM news.quarantine
 WHERE resolved_at IS NULL
 GROUP BY stage, reason
 ORDER BY records DESC, stage, reason;
