-- What was removed from an article's current version. Parameter: id.
SELECT s.start, s."end", s.class, s.rule, s.text, s.evidence
  FROM news.removed_span AS s
 WHERE s.article_id = %(id)s
 ORDER BY s.start;
