-- Another one may.
SELECT pg_advisory_unlock(1802264933, 0);
