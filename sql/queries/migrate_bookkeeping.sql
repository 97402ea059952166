-- Describes the migration library's own tables and lets the writer see what is applied.
COMMENT ON TABLE klartext.migration IS 'Applied migrations.';
COMMENT ON COLUMN klartext.migration.migration_hash IS 'SHA-256 of the migration''s name.';
COMMENT ON COLUMN klartext.migration.migration_id IS 'The migration''s name: its file without .sql.';
COMMENT ON COLUMN klartext.migration.applied_at_utc IS 'When it was applied.';
COMMENT ON TABLE klartext.migration_log IS 'What was done to migrations, and by whom.';
COMMENT ON COLUMN klartext.migration_log.id IS 'Random id of the entry.';
COMMENT ON COLUMN klartext.migration_log.migration_hash IS 'SHA-256 of the migration''s name.';
COMMENT ON COLUMN klartext.migration_log.migration_id IS 'The migration''s name.';
COMMENT ON COLUMN klartext.migration_log.operation IS 'apply, rollback, mark or unmark.';
COMMENT ON COLUMN klartext.migration_log.username IS 'The database role.';
COMMENT ON COLUMN klartext.migration_log.hostname IS 'The machine''s name.';
COMMENT ON COLUMN klartext.migration_log.comment IS 'The migration library''s remark.';
COMMENT ON COLUMN klartext.migration_log.created_at_utc IS 'When.';
COMMENT ON TABLE klartext.migration_version IS 'Version of the migration library''s own tables.';
COMMENT ON COLUMN klartext.migration_version.version IS 'The version.';
COMMENT ON COLUMN klartext.migration_version.installed_at_utc IS 'When it was set up.';
GRANT SELECT ON klartext.migration TO klartext_writer;
