-- Names of the applied migrations. The table has to exist (migrate_is_set_up).
SELECT migration_id FROM klartext.migration ORDER BY migration_id;
