-- Fills the staging table of rejects.
COPY pg_temp.staged_reject FROM STDIN WITH (FORMAT text, ENCODING 'UTF8');
