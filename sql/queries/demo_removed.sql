-- What was stripped from some sources' articles, by which rule, and from how many of them.
SELECT r.class, r.rule, btrim(regexp_replace(r.text, '\s+', ' ', 'g')) AS stripped, count(DISTINCT r.article_id)
  FROM news.removed_span AS r
  JOIN news.article AS a USING (article_id)
 WHERE a.source = ANY (%(sources)s)
 GROUP BY r.class, r.rule, stripped
 ORDER BY min(a.published_until) NULLS LAST, stripped
 LIMIT 40;
