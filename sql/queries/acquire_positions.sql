-- How far the files of an archive were read.
SELECT path, position FROM klartext.fetch_position WHERE source = %(source)s;
