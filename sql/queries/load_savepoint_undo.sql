-- After a part that it refused.
ROLLBACK TO SAVEPOINT part;
RELEASE SAVEPOINT part;
