-- New articles, in the order of their ids: two loaders that bring the same ones wait for each other and never in a
-- circle. Who inserts an article gets its id back; for the other it is a known one.
INSERT INTO klartext.article (article_id, identity, url_key, url_key_version)
SELECT DISTINCT ON (s.article_id) s.article_id, s.identity, s.url_key, s.url_key_version
  FROM pg_temp.staged_sighting AS s
 WHERE NOT EXISTS (SELECT FROM klartext.article AS a WHERE a.article_id = s.article_id)
 ORDER BY s.article_id
ON CONFLICT (article_id) DO NOTHING
RETURNING article_id;
