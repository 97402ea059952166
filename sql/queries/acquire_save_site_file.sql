-- Keep the copy of a robots.txt or tdmrep.json.
INSERT INTO klartext.fetch_site_file (url, status, body, fetched_at)
VALUES (%(url)s, %(status)s, %(body)s, %(fetched_at)s)
    ON CONFLICT (url) DO UPDATE
   SET status = excluded.status, body = excluded.body, fetched_at = excluded.fetched_at;
