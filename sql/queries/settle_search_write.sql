-- Search documents of canonical articles that have none.
INSERT INTO klartext.search_document (article_id, source_sha256, language, document)
SELECT s.article_id,
       sha256(convert_to(s.language || E'\n' || coalesce(g.title, ''), 'UTF8') || s.text_sha256),
       s.language, klartext.search_document(s.language, g.title, c.text)
  FROM pg_temp.settle_changed AS k
  JOIN klartext.settled AS s ON s.article_id = k.article_id AND s.is_canonical
  JOIN klartext.sighting AS g ON g.article_id = s.article_id AND g.sighting_sha256 = s.sighting_sha256
  JOIN klartext.capture AS c ON c.article_id = s.article_id AND c.original_sha256 = s.original_sha256
 WHERE NOT EXISTS (SELECT FROM klartext.search_document AS d WHERE d.article_id = k.article_id);
