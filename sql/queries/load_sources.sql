-- Sources that were not known.
INSERT INTO klartext.source (name)
SELECT DISTINCT s.source
  FROM pg_temp.staged_sighting AS s
 WHERE NOT EXISTS (SELECT FROM klartext.source AS o WHERE o.name = s.source)
 ORDER BY s.source
ON CONFLICT (name) DO NOTHING;
