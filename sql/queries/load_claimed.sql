-- What became of a batch that is loaded already. Parameters: run_id, batch_key.
SELECT read, inserted, updated, unchanged, rejected
  FROM klartext.batch
 WHERE run_id = %(run_id)s AND batch_key = %(batch_key)s;
