-- Notes what a run is going to read. Planned again, what is gone from the plan goes, and finished pieces stay so.
-- Parameters: run_id, and the arrays piece_keys, batch_keys and paths.
WITH planned AS (
    SELECT * FROM unnest(%(piece_keys)s::text[], %(batch_keys)s::text[], %(paths)s::text[])
                  AS p(piece_key, batch_key, path)
), gone AS (
    DELETE FROM klartext.piece AS p
     WHERE p.run_id = %(run_id)s AND p.piece_key NOT IN (SELECT piece_key FROM planned)
)
INSERT INTO klartext.piece (run_id, piece_key, batch_key, path)
SELECT %(run_id)s, piece_key, batch_key, path FROM planned ORDER BY piece_key
ON CONFLICT (run_id, piece_key) DO UPDATE SET batch_key = excluded.batch_key, path = excluded.path;
