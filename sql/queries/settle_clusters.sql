-- Clusters of exact copies: the first article of a text in canonical order leads, the others name it.
WITH leader AS MATERIALIZED (
    SELECT t.text_sha256,
           (SELECT s.article_id FROM klartext.settled AS s
             WHERE s.text_sha256 = t.text_sha256
             ORDER BY s.text_sha256, s.published_until NULLS LAST, s.captured_at NULLS LAST, s.article_id
             LIMIT 1) AS article_id
      FROM pg_temp.settle_text AS t
), changed AS (
    UPDATE klartext.settled AS s
       SET cluster_id = l.article_id,
           relation = CASE WHEN s.article_id = l.article_id THEN 'canonical' ELSE 'exact' END,
           of = CASE WHEN s.article_id <> l.article_id THEN l.article_id END,
           similarity = CASE WHEN s.article_id <> l.article_id THEN 1 END
      FROM leader AS l
     WHERE s.text_sha256 = l.text_sha256 AND s.cluster_id IS DISTINCT FROM l.article_id
    RETURNING s.article_id
)
INSERT INTO pg_temp.settle_changed (article_id)
SELECT article_id FROM changed
ON CONFLICT (article_id) DO NOTHING;
