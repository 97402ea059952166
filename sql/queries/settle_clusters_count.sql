-- Clusters there are.
SELECT count(*) FROM klartext.settled WHERE is_canonical;
