-- The roles that the schema grants to, made where they are missing. A login that may not make roles gets
-- insufficient_privilege. Another database of the same server may be doing the same at this moment.
DO $roles$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['klartext_reader', 'klartext_writer'] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) THEN
            BEGIN
                EXECUTE format('CREATE ROLE %I NOLOGIN', name);
            EXCEPTION WHEN duplicate_object OR unique_violation THEN
                NULL;
            END;
        END IF;
    END LOOP;
    -- So that who writes, and this login, can take the reader's place for `klartext query`. A role's maker may grant
    -- it; elsewhere the server's administrator decides.
    IF NOT pg_has_role('klartext_writer', 'klartext_reader', 'MEMBER') THEN
        BEGIN
            GRANT klartext_reader TO klartext_writer;
        EXCEPTION WHEN OTHERS THEN
            NULL;
        END;
    END IF;
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = current_user AND rolsuper)
       AND NOT EXISTS (
           SELECT FROM pg_auth_members AS m
            WHERE m.roleid = 'klartext_reader'::regrole AND m.member = current_user::regrole
              -- The column is there from PostgreSQL 16 on; before, every member may take the role.
              AND coalesce((to_jsonb(m) ->> 'set_option')::boolean, true)
       ) THEN
        BEGIN
            EXECUTE format('GRANT klartext_reader TO %I', current_user);
        EXCEPTION WHEN OTHERS THEN
            NULL;
        END;
    END IF;
END
$roles$;
