-- Runs that haven't come to their end, and whether they go on: one that was killed holds no lock.
SELECT r.run, EXISTS (
           SELECT FROM pg_locks AS l
            WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 2
              AND l.database = (SELECT d.oid FROM pg_database AS d WHERE d.datname = current_database())
              AND l.classid = 1802264932::oid AND l.objid = r.run::oid)
  FROM klartext.fetch_run AS r;
