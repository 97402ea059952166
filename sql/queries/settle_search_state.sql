-- Whether the search index covers every canonical article.
SELECT search_complete FROM klartext.settle_state;
