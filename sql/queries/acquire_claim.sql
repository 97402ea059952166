-- Take URLs for this run as far as no other one has them; then, for each, who has it and what is known of it. The
-- second statement sees what a run that has just given a URL back has kept of it.
INSERT INTO klartext.fetch_claim (url_sha256, run)
SELECT DISTINCT digest, %(run)s FROM unnest(%(digests)s::bytea[]) AS w (digest) ORDER BY digest
    ON CONFLICT (url_sha256) DO NOTHING;
SELECT c.url_sha256, c.run, s.etag, s.last_modified, s.content_sha256, s.first_stored_at, s.stored_at, s.stored_url,
       s.asked_at, s.failures, s.last_outcome, s.asked_run
  FROM klartext.fetch_claim AS c
  LEFT JOIN klartext.fetch_state AS s USING (url_sha256)
 WHERE c.url_sha256 = ANY (%(digests)s::bytea[]);
