-- Take a host for this session, and say in how many seconds it may be asked. No row: another run has it.
SELECT greatest(0, coalesce(
           (SELECT extract(epoch FROM h.not_before - clock_timestamp())
              FROM klartext.fetch_host AS h
             WHERE h.host = %(host)s), 0))::double precision
  FROM (SELECT pg_try_advisory_lock(1802264931, hashtext(%(host)s)) AS taken) AS l
 WHERE l.taken;
