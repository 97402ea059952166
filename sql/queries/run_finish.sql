-- Ends a run with the sums of its batches and its copies as they stand now: articles that it met, new or known, and
-- that aren't canonical. A failed run keeps what it met, since its missing batches may come; finished once more
-- without anything new, a run keeps its count. Parameters: run_id, state, message.
WITH met AS (
    SELECT article_id FROM klartext.run_article WHERE run_id = %(run_id)s
), emptied AS (
    DELETE FROM klartext.run_article WHERE run_id = %(run_id)s AND %(state)s = 'succeeded'
)
UPDATE klartext.run AS r
   SET state = %(state)s, message = %(message)s, ended_at = clock_timestamp(),
       read = b.read, inserted = b.inserted, updated = b.updated, unchanged = b.unchanged, rejected = b.rejected,
       duplicates = CASE WHEN r.duplicates IS NOT NULL AND NOT EXISTS (SELECT FROM met) THEN r.duplicates
                         ELSE (SELECT count(*)
                                 FROM met
                                 JOIN klartext.settled AS s ON s.article_id = met.article_id
                                WHERE NOT s.is_canonical) END
  FROM (SELECT coalesce(sum(read), 0) AS read, coalesce(sum(inserted), 0) AS inserted,
               coalesce(sum(updated), 0) AS updated, coalesce(sum(unchanged), 0) AS unchanged,
               coalesce(sum(rejected), 0) AS rejected
          FROM klartext.batch WHERE run_id = %(run_id)s) AS b
 WHERE r.run_id = %(run_id)s
RETURNING r.read, r.inserted, r.updated, r.unchanged, r.rejected, r.duplicates;
