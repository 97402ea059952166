-- Rights on the database: the writer stages rows in temporary tables, the reader makes none. Only where this login
-- owns the database; elsewhere its owner decides. A copy or a restored dump lacks them, so this looks every time.
DO $database$
BEGIN
    IF EXISTS (
        SELECT FROM pg_database AS d
         WHERE d.datname = current_database() AND d.datdba = current_user::regrole
           AND (NOT has_database_privilege('klartext_writer', d.oid, 'TEMPORARY')
                OR EXISTS (SELECT FROM aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) AS g
                            WHERE g.grantee = 0 AND g.privilege_type = 'TEMPORARY'))
    ) THEN
        EXECUTE format('REVOKE TEMPORARY ON DATABASE %I FROM PUBLIC', current_database());
        EXECUTE format('GRANT CONNECT, TEMPORARY ON DATABASE %I TO klartext_writer', current_database());
        EXECUTE format('GRANT CONNECT ON DATABASE %I TO klartext_reader', current_database());
    END IF;
END
$database$;
