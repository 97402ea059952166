-- Opens the statement as the cursor klartext_query. Parameter: statement.
SELECT news.open_query(%(statement)s);
