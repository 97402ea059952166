-- Fills the staging table of captures.
COPY pg_temp.staged_capture FROM STDIN WITH (FORMAT text, ENCODING 'UTF8');
