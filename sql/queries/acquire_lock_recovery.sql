-- One run at a time takes over what killed ones left.
SELECT pg_advisory_lock(1802264933, 0);
