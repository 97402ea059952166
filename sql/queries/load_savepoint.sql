-- Before a part of a batch that the database may refuse.
SAVEPOINT part;
