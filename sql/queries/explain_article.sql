-- One article. Parameter: id (NULL finds none).
SELECT a.article_id, a.url, a.canonical_url, a.site, a.title, a.authors, a.published_at, a.published_precision,
       a.modified_at, a.language, a.language_confidence, a.access, a.text,
       news.original_text(a.article_id) AS extracted_text, a.is_canonical, a.cluster_id
  FROM news.article AS a
 WHERE a.article_id = %(id)s;
