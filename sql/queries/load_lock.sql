-- From here to the commit no other loader changes these articles, so that of two that bring the same new text one
-- finds it known. Settle isn't kept waiting: it never updates this table.
SELECT a.article_id
  FROM klartext.article AS a
 WHERE a.article_id IN (SELECT s.article_id FROM pg_temp.staged_sighting AS s)
 ORDER BY a.article_id
   FOR NO KEY UPDATE;
