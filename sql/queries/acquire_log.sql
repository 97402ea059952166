-- Log what came of URLs.
INSERT INTO klartext.fetch_log (url, source, kind, at, outcome, detail, status, bytes, origin)
SELECT url, source, kind, at, outcome, nullif(detail, ''), status, bytes, origin
  FROM jsonb_to_recordset(%(rows)s::jsonb) AS r (
       url text, source text, kind text, at timestamptz, outcome text, detail text, status integer, bytes bigint,
       origin text);
