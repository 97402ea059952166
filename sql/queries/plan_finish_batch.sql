-- A batch was read and loaded to its end. Parameters: run_id, batch_key.
UPDATE klartext.piece
   SET finished_at = clock_timestamp()
 WHERE run_id = %(run_id)s AND batch_key = %(batch_key)s AND finished_at IS NULL;
