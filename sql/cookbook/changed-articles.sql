-- Which articles were changed after publication, and by how much?
SELECT a.title, a.url, v.version, v.captured_at, v.word_count - lag(v.word_count) OVER w AS words_more,
       v.title IS DISTINCT FROM lag(v.title) OVER w AS new_title
  FROM news.article_version AS v
  JOIN news.article AS a USING (article_id)
 WHERE a.versions > 1
WINDOW w AS (PARTITION BY v.article_id ORDER BY v.version)
 ORDER BY a.article_id, v.version
 LIMIT 200;
