-- Whether the database has ever been migrated, and its encoding.
SELECT to_regclass('klartext.migration') IS NOT NULL, current_setting('server_encoding');
