-- Stored captures, each with its latest sighting, for cleaning them again. Read by a cursor that survives commits.
-- A capture without a time of its own counts as of its publication. Parameters: since, until (exclusive), source;
-- each may be NULL.
DECLARE reprocess CURSOR WITH HOLD FOR
SELECT a.article_id, a.identity, a.url_key, a.url_key_version, c.original_sha256, c.text, c.removed, c.blocks,
       g.captured_at, g.source, g.url, g.canonical_url, g.site, g.title, g.authors,
       g.published_at, g.published_until, g.published_precision,
       g.modified_at, g.modified_until, g.modified_precision,
       g.declared_language, g.access, g.header, g.opt_outs, g.notes, g.origin
  FROM klartext.capture AS c
  JOIN klartext.article AS a USING (article_id)
 CROSS JOIN LATERAL (SELECT s.* FROM klartext.sighting AS s
                      WHERE s.article_id = c.article_id AND s.original_sha256 = c.original_sha256
                      ORDER BY s.captured_at DESC NULLS LAST, s.sighting_sha256
                      LIMIT 1) AS g
 WHERE (%(since)s::timestamptz IS NULL OR coalesce(g.captured_at, g.published_at) >= %(since)s)
   AND (%(until)s::timestamptz IS NULL OR coalesce(g.captured_at, g.published_at) < %(until)s)
   AND (%(source)s::text IS NULL OR g.source = %(source)s)
 ORDER BY c.article_id, c.original_sha256;
