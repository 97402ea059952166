-- Pieces of a run that weren't loaded to their end, by batch. Parameter: run_id.
SELECT batch_key, count(*), min(path)
  FROM klartext.piece
 WHERE run_id = %(run_id)s AND finished_at IS NULL
 GROUP BY batch_key
 ORDER BY batch_key;
