-- Sightings: the same capture a second time is the row that is there.
INSERT INTO klartext.sighting
       (article_id, sighting_sha256, original_sha256, captured_at, source, url, canonical_url, site, title, authors,
        published_at, published_until, published_precision, modified_at, modified_until, modified_precision,
        declared_language, access, header, opt_outs, notes, origin, run_id)
SELECT article_id, sighting_sha256, original_sha256, captured_at, source, url, canonical_url, site, title, authors,
       published_at, published_until, published_precision, modified_at, modified_until, modified_precision,
       declared_language, access, header, opt_outs, notes, origin, run_id
  FROM pg_temp.staged_sighting
 ORDER BY article_id, sighting_sha256
ON CONFLICT (article_id, sighting_sha256) DO NOTHING;
