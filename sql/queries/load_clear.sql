-- Empties the staging tables between the parts of a batch that had to be split.
DELETE FROM pg_temp.staged_key;
DELETE FROM pg_temp.staged_capture;
DELETE FROM pg_temp.staged_sighting;
