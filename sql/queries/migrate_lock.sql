-- One migration at a time in a database. The lock ends with the session, so a killed one leaves nothing behind.
SELECT pg_advisory_lock(hashtextextended('klartext.migrate', 0));
