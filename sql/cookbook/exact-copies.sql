-- Which articles are exact copies of each other, and who published first?
SELECT first.published_at, first.site AS published_first, first.title, count(*) AS copies,
       array_agg(DISTINCT copy.site) AS copied_by, min(copy.published_at - first.published_at) AS soonest
  FROM news.article AS first
  JOIN news.article AS copy ON copy.cluster_id = first.article_id AND copy.relation = 'exact'
 WHERE first.is_canonical
 GROUP BY first.article_id, first.published_at, first.site, first.title
 ORDER BY copies DESC, first.published_at NULLS LAST, first.article_id
 LIMIT 50;
