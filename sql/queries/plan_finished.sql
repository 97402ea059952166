-- Which of some pieces were read to their end by any run. Parameter: piece_keys.
SELECT DISTINCT piece_key
  FROM klartext.piece
 WHERE piece_key = ANY (%(piece_keys)s) AND finished_at IS NOT NULL;
