-- The columns of the open cursor, without a row.
FETCH 0 FROM klartext_query;
