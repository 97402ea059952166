-- Writes a batch's counts. Parameters: run_id, batch_key and the five counts.
UPDATE klartext.batch
   SET read = %(read)s, inserted = %(inserted)s, updated = %(updated)s, unchanged = %(unchanged)s,
       rejected = %(rejected)s
 WHERE run_id = %(run_id)s AND batch_key = %(batch_key)s;
