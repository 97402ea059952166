-- After a part that it took.
RELEASE SAVEPOINT part;
