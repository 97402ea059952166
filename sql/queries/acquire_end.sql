-- A run has come to its end, and has gone on with those that were killed before it.
DELETE FROM klartext.fetch_claim WHERE run = %(run)s;
DELETE FROM klartext.fetch_run WHERE run = ANY (%(killed)s::integer[]) OR run = %(run)s;
