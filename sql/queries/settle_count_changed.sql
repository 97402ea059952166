-- Articles that this chunk changed.
SELECT count(*) FROM pg_temp.settle_changed;
