-- How many clean texts each article gets that it never had. Run under load_lock, before the captures are written.
-- Parameter: rules_version.
SELECT s.article_id, count(DISTINCT s.text_sha256)
  FROM pg_temp.staged_capture AS s
 WHERE NOT EXISTS (SELECT FROM klartext.capture AS c
                    WHERE c.article_id = s.article_id AND c.text_sha256 = s.text_sha256)
   -- A capture that load_captures leaves as it is.
   AND NOT EXISTS (SELECT FROM klartext.capture AS c
                    WHERE c.article_id = s.article_id AND c.original_sha256 = s.original_sha256
                      AND c.rules_version = s.rules_version AND c.capture_sha256 >= s.capture_sha256)
 GROUP BY s.article_id;
