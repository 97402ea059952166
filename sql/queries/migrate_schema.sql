-- The schema that the bookkeeping of migrations needs before the first migration. Who may not create schemas gets
-- insufficient_privilege; IF NOT EXISTS alone would ask for that right also where the schema exists.
DO $schema$
BEGIN
    IF to_regnamespace('klartext') IS NULL THEN
        CREATE SCHEMA klartext;
    END IF;
END
$schema$;
