-- What came of the pages of some sources that were asked for at or after a moment.
SELECT source, outcome, count(*)
  FROM news.fetch_log
 WHERE source = ANY (%(sources)s) AND at >= %(since)s
 GROUP BY source, outcome
 ORDER BY source, outcome;
