-- Rights on the database: the writer stages rows in temporary tables, the reader makes none. Only where this login
-- owns the database; elsewhere its owner decides.
DO $database$
BEGIN
    IF EXISTS (SELECT FROM pg_database WHERE datname = current_database() AND datdba = current_user::regrole) THEN
        EXECUTE format('REVOKE TEMPORARY ON DATABASE %I FROM PUBLIC', current_database());
        EXECUTE format('GRANT CONNECT, TEMPORARY ON DATABASE %I TO klartext_writer', current_database());
        EXECUTE format('GRANT CONNECT ON DATABASE %I TO klartext_reader', current_database());
    END IF;
END
$database$;
