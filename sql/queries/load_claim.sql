-- Claims a batch. No row: it is loaded already; one that is being loaded beside this is waited for.
-- Parameters: run_id, batch_key.
INSERT INTO klartext.batch (run_id, batch_key)
VALUES (%(run_id)s, %(batch_key)s)
ON CONFLICT (run_id, batch_key) DO NOTHING
RETURNING (SELECT r.rules_version FROM klartext.run AS r WHERE r.run_id = %(run_id)s);
