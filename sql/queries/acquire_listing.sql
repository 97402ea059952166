-- The last feed or sitemap that was had.
SELECT body FROM klartext.fetch_listing WHERE url_sha256 = %(digest)s;
