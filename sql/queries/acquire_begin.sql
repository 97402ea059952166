-- Begin a run: its number, and a lock on it for as long as this session lives. The first lock makes sure that a run
-- with a lower number is seen to go on or has ended.
SELECT pg_advisory_xact_lock(1802264932, 0);
INSERT INTO klartext.fetch_run DEFAULT VALUES RETURNING run, pg_advisory_lock(1802264932, run);
