-- Clean texts whose groups of exact copies may have another leader now: the texts that articles came to and left, and
-- those of articles whose place in the canonical order changed.
INSERT INTO pg_temp.settle_text (text_sha256)
SELECT DISTINCT t.text_sha256
  FROM pg_temp.settle_fresh AS f
  LEFT JOIN klartext.settled AS s ON s.article_id = f.article_id
 CROSS JOIN LATERAL (VALUES (f.text_sha256), (s.text_sha256)) AS t(text_sha256)
 WHERE t.text_sha256 IS NOT NULL
   AND (s.article_id IS NULL
        OR (s.text_sha256, s.published_until, s.captured_at)
           IS DISTINCT FROM (f.text_sha256, f.published_until, f.captured_at));
