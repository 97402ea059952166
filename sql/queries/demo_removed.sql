-- What was stripped from a source's articles, and by which rule.
SELECT r.class, r.rule, regexp_replace(r.text, '\s+', ' ', 'g')
  FROM news.removed_span AS r
  JOIN news.article AS a USING (article_id)
 WHERE a.source = %(source)s
 ORDER BY a.published_until NULLS LAST, a.id, r.start
 LIMIT 30;
