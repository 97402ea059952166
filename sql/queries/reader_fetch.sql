-- The next rows of the open cursor.
FETCH 1000 FROM klartext_query;
