-- Writes current versions, where they changed.
WITH changed AS (
    INSERT INTO klartext.settled AS s
           (article_id, sighting_sha256, original_sha256, text_sha256, versions, language, site, published_at,
            published_until, captured_at, first_seen, last_seen)
    SELECT article_id, sighting_sha256, original_sha256, text_sha256, versions, language, site, published_at,
           published_until, captured_at, first_seen, last_seen
      FROM pg_temp.settle_fresh
    ON CONFLICT (article_id) DO UPDATE
       SET sighting_sha256 = excluded.sighting_sha256, original_sha256 = excluded.original_sha256,
           text_sha256 = excluded.text_sha256, versions = excluded.versions, language = excluded.language,
           site = excluded.site, published_at = excluded.published_at, published_until = excluded.published_until,
           captured_at = excluded.captured_at, first_seen = excluded.first_seen, last_seen = excluded.last_seen
     WHERE (s.sighting_sha256, s.original_sha256, s.text_sha256, s.versions, s.language, s.site, s.published_at,
            s.published_until, s.captured_at, s.first_seen, s.last_seen)
           IS DISTINCT FROM
           (excluded.sighting_sha256, excluded.original_sha256, excluded.text_sha256, excluded.versions,
            excluded.language, excluded.site, excluded.published_at, excluded.published_until, excluded.captured_at,
            excluded.first_seen, excluded.last_seen)
    RETURNING s.article_id
)
INSERT INTO pg_temp.settle_changed (article_id) SELECT article_id FROM changed;
