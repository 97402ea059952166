-- Give a host back.
SELECT pg_advisory_unlock(1802264931, hashtext(%(host)s));
