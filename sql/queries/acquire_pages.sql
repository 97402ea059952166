-- What is known of some URLs.
SELECT url_sha256, NULL, etag, last_modified, content_sha256, first_stored_at, stored_at, stored_url, asked_at,
       failures, last_outcome, asked_run
  FROM klartext.fetch_state
 WHERE url_sha256 = ANY (%(digests)s::bytea[]);
