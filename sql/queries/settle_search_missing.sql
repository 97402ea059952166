-- The next canonical articles, by id, that have no search document. Parameters: after (id), limit.
INSERT INTO pg_temp.settle_changed (article_id)
SELECT s.article_id
  FROM klartext.settled AS s
 WHERE s.is_canonical AND s.article_id > %(after)s
   AND NOT EXISTS (SELECT FROM klartext.search_document AS d WHERE d.article_id = s.article_id)
 ORDER BY s.article_id
 LIMIT %(limit)s
RETURNING article_id;
