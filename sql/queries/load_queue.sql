-- Tells settle which articles to look at.
INSERT INTO klartext.settle_queue (article_id)
SELECT DISTINCT article_id FROM pg_temp.staged_sighting ORDER BY article_id;
