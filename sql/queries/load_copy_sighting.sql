-- Fills the staging table of sightings.
COPY pg_temp.staged_sighting FROM STDIN WITH (FORMAT text, ENCODING 'UTF8');
