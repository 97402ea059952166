-- What the chunk's articles are now. LATERAL, so that only their sightings are put in order. The metadata is that of
-- the current sighting; text and spans are those of the current version's earliest sighting, which is the least
-- recent one before the text was another: the first of those that begin a version, counting back.
INSERT INTO pg_temp.settle_fresh
       (article_id, sighting_sha256, original_sha256, text_sha256, versions, language, site, published_at,
        published_until, captured_at, first_seen, last_seen)
WITH seen AS MATERIALIZED (
    SELECT k.article_id, max(v.version) AS versions,
           min(v.captured_at) AS first_seen, max(v.captured_at) AS last_seen,
           (array_agg(v.sighting_sha256) FILTER (WHERE v.recency = 1))[1] AS sighting_sha256,
           (array_agg(v.original_sha256 ORDER BY v.recency) FILTER (WHERE v.is_first))[1] AS original_sha256,
           (array_agg(v.captured_at ORDER BY v.recency) FILTER (WHERE v.is_first))[1] AS captured_at
      FROM pg_temp.settle_chunk AS k
     CROSS JOIN LATERAL (SELECT * FROM klartext.version_sighting AS w WHERE w.article_id = k.article_id) AS v
     GROUP BY k.article_id
)
SELECT s.article_id, s.sighting_sha256, s.original_sha256, c.text_sha256, s.versions, c.language, g.site,
       g.published_at, g.published_until, s.captured_at, s.first_seen, s.last_seen
  FROM seen AS s
  JOIN klartext.sighting AS g ON g.article_id = s.article_id AND g.sighting_sha256 = s.sighting_sha256
  JOIN klartext.capture AS c ON c.article_id = s.article_id AND c.original_sha256 = s.original_sha256;
