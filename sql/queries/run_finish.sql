-- Ends a run with the sums of its batches and its copies as they stand now. Parameters: run_id, state, message.
UPDATE klartext.run AS r
   SET state = %(state)s, message = %(message)s, ended_at = clock_timestamp(),
       read = b.read, inserted = b.inserted, updated = b.updated, unchanged = b.unchanged, rejected = b.rejected,
       duplicates = (SELECT count(DISTINCT g.article_id)
                       FROM klartext.sighting AS g
                       JOIN klartext.settled AS s ON s.article_id = g.article_id
                      WHERE g.run_id = %(run_id)s AND NOT s.is_canonical)
  FROM (SELECT coalesce(sum(read), 0) AS read, coalesce(sum(inserted), 0) AS inserted,
               coalesce(sum(updated), 0) AS updated, coalesce(sum(unchanged), 0) AS unchanged,
               coalesce(sum(rejected), 0) AS rejected
          FROM klartext.batch WHERE run_id = %(run_id)s) AS b
 WHERE r.run_id = %(run_id)s
RETURNING r.read, r.inserted, r.updated, r.unchanged, r.rejected, r.duplicates;
