-- Keep what is known of URLs from now on. Of two runs the one that asked later wins.
INSERT INTO klartext.fetch_state AS s (
       url_sha256, url_key, kind, source, etag, last_modified, content_sha256, first_stored_at, stored_at, stored_url,
       asked_at, failures, last_outcome, asked_run)
SELECT decode(url_sha256, 'hex'), url_key, kind, source, etag, last_modified, decode(content_sha256, 'hex'),
       first_stored_at, stored_at, stored_url, asked_at, failures, last_outcome, %(run)s
  FROM jsonb_to_recordset(%(rows)s::jsonb) AS r (
       url_sha256 text, url_key text, kind text, source text, etag text, last_modified text, content_sha256 text,
       first_stored_at timestamptz, stored_at timestamptz, stored_url text, asked_at timestamptz, failures integer,
       last_outcome text)
 ORDER BY url_sha256
    ON CONFLICT (url_sha256) DO UPDATE
   SET source = excluded.source, etag = excluded.etag, last_modified = excluded.last_modified,
       content_sha256 = excluded.content_sha256,
       first_stored_at = least(s.first_stored_at, excluded.first_stored_at),
       stored_at = excluded.stored_at, stored_url = excluded.stored_url, asked_at = excluded.asked_at,
       failures = excluded.failures, last_outcome = excluded.last_outcome,
       asked_run = excluded.asked_run
 WHERE excluded.asked_at >= s.asked_at;
