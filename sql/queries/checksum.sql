-- One SHA-256 over what the corpus says. Two databases that were given the same captures and settled have the same,
-- whatever the order, the batches, the retries, the loaders and the kills.
--
-- Each row becomes the hash of a JSON array of its columns; the hashes are joined in the order of the keys, first
-- within the 65,536 values of an id's first two bytes, then over all, so that no value grows with the corpus.
-- Times count as seconds since 1970 and floats as their bytes: no setting of the session changes them.
--
-- Covered: every column of article, capture, sighting and settled apart from the ones below.
-- Left out:
--   capture.rules_version       says when a text was cleaned last; what the rules made of it is covered
--   sighting.origin, .run_id    where the capture lies that was loaded first, and by which run
--   settled.is_canonical        made from cluster_id
--   source                      its names are covered in sighting; the rest is wall clock
--   run, run_article, batch, piece     bookkeeping: when and how it was loaded
--   migration, migration_log, migration_version     how the schema came to be
--   quarantine                  what could not be loaded; retries change it
--   fingerprint, site_block     made from captures
--   search_document, settle_state   made from current versions, and can be turned off
--   settle_queue                work to do
--   fetch_state, fetch_host, fetch_site_file, fetch_listing, fetch_source, fetch_position, fetch_log, fetch_run, fetch_claim
--                               acquiring: what was asked of the web, and when
WITH line AS (
    SELECT 'article' AS part, article_id, ''::bytea AS key,
           sha256(convert_to(jsonb_build_array(identity, url_key, url_key_version)::text, 'UTF8')) AS hash
      FROM klartext.article
    UNION ALL
    SELECT 'capture', article_id, original_sha256,
           sha256(convert_to(jsonb_build_array(
               encode(original_sha256, 'hex'), encode(capture_sha256, 'hex'), encode(text_sha256, 'hex'), language,
               encode(float8send(language_confidence), 'hex'), word_count,
               encode(sha256(convert_to(text, 'UTF8')), 'hex'), removed, blocks)::text, 'UTF8'))
      FROM klartext.capture
    UNION ALL
    SELECT 'sighting', article_id, sighting_sha256,
           sha256(convert_to(jsonb_build_array(
               encode(sighting_sha256, 'hex'), encode(original_sha256, 'hex'), extract(epoch FROM captured_at), source,
               url, canonical_url, site, title, authors, extract(epoch FROM published_at),
               extract(epoch FROM published_until), published_precision, extract(epoch FROM modified_at),
               extract(epoch FROM modified_until), modified_precision, declared_language, access, header, opt_outs,
               notes)::text, 'UTF8'))
      FROM klartext.sighting
    UNION ALL
    SELECT 'settled', article_id, ''::bytea,
           sha256(convert_to(jsonb_build_array(
               encode(sighting_sha256, 'hex'), encode(original_sha256, 'hex'), encode(text_sha256, 'hex'), versions,
               language, site, extract(epoch FROM published_at), extract(epoch FROM published_until),
               extract(epoch FROM captured_at), extract(epoch FROM first_seen), extract(epoch FROM last_seen),
               cluster_id, relation, of, encode(float4send(similarity), 'hex'))::text, 'UTF8'))
      FROM klartext.settled
), bucket AS (
    SELECT part, substr(uuid_send(article_id), 1, 2) AS prefix,
           sha256(string_agg(uuid_send(article_id) || key || hash, ''::bytea ORDER BY article_id, key)) AS hash
      FROM line
     GROUP BY part, substr(uuid_send(article_id), 1, 2)
)
SELECT encode(sha256(coalesce(
           string_agg(convert_to(part, 'UTF8') || prefix || hash, ''::bytea ORDER BY part COLLATE "C", prefix),
           ''::bytea)), 'hex')
  FROM bucket;
