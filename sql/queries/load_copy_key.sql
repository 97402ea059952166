-- Fills the staging table of keys, which say what is known already.
COPY pg_temp.staged_key FROM STDIN WITH (FORMAT text, ENCODING 'UTF8');
