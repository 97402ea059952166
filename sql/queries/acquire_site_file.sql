-- The copy of a robots.txt or tdmrep.json.
SELECT status, body, fetched_at FROM klartext.fetch_site_file WHERE url = %(url)s;
