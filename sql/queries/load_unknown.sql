-- Which staged records the corpus doesn't hold yet, so that the others cost no more than this. A capture counts as
-- held when it was cleaned by the same rules and isn't less than the staged one. Parameter: rules_version.
SELECT k.place
  FROM pg_temp.staged_key AS k
 WHERE NOT EXISTS (SELECT FROM klartext.sighting AS g
                    WHERE g.article_id = k.article_id AND g.sighting_sha256 = k.sighting_sha256)
    OR NOT EXISTS (SELECT FROM klartext.capture AS c
                    WHERE c.article_id = k.article_id AND c.original_sha256 = k.original_sha256
                      AND c.rules_version = %(rules_version)s AND c.capture_sha256 >= k.capture_sha256)
 ORDER BY k.place;
