-- Opens the transaction of one query: nothing can be written in it, and once a query has run in it that can't be
-- taken back. Parameter: timeout (milliseconds, 0 for none).
SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY;
SET LOCAL statement_timeout = %(timeout)s;
SET LOCAL search_path = news, pg_catalog, pg_temp;
