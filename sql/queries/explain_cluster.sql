-- Every member of an article's cluster, the canonical one first. Parameter: id.
SELECT m.article_id, m.url, m.is_canonical, m.relation, m.of, m.similarity, m.published_at
  FROM news.duplicate_cluster AS m
 WHERE m.cluster_id = (SELECT d.cluster_id FROM news.duplicate_cluster AS d WHERE d.article_id = %(id)s)
 ORDER BY m.is_canonical DESC, m.published_at NULLS LAST, m.article_id;
