-- A file of an archive was read to here.
INSERT INTO klartext.fetch_position (source, path, position)
VALUES (%(source)s, %(path)s, %(position)s)
    ON CONFLICT (source, path) DO UPDATE SET position = excluded.position;
