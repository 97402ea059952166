-- Remembers which articles a run has met. Parameter: run_id.
INSERT INTO klartext.run_article (run_id, article_id)
SELECT DISTINCT %(run_id)s::bigint, article_id FROM pg_temp.staged_key ORDER BY article_id
ON CONFLICT (run_id, article_id) DO NOTHING;
