-- What does each rule strip? One example of each, the longest, to see whether it is right.
SELECT DISTINCT ON (s.rule) s.rule, s.class, count(*) OVER (PARTITION BY s.rule) AS spans, left(s.text, 200) AS example,
       a.url
  FROM news.removed_span AS s
  JOIN news.article AS a USING (article_id)
 ORDER BY s.rule, char_length(s.text) DESC, s.article_id;
