-- Takes a chunk of the queue. Only what was read is deleted: an entry that a loader commits meanwhile stays.
-- Parameters: last (queue_id), limit.
WITH taken AS (
    DELETE FROM klartext.settle_queue AS q
     WHERE q.queue_id IN (SELECT n.queue_id FROM klartext.settle_queue AS n
                           WHERE n.queue_id <= %(last)s ORDER BY n.queue_id LIMIT %(limit)s)
    RETURNING q.article_id
)
INSERT INTO pg_temp.settle_chunk (article_id)
SELECT DISTINCT article_id FROM taken;
