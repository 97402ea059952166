-- Keep the last feed or sitemap.
INSERT INTO klartext.fetch_listing AS l (url_sha256, body)
VALUES (%(digest)s, %(body)s)
    ON CONFLICT (url_sha256) DO UPDATE SET body = excluded.body
 WHERE l.body <> excluded.body;
