-- Notes whether the search index covers every canonical article. Parameter: complete.
UPDATE klartext.settle_state SET search_complete = %(complete)s WHERE search_complete IS DISTINCT FROM %(complete)s;
