-- Which sites publish the same texts, and how often is each the first?
SELECT leader.site AS first, copy.site AS copied_by, count(*) AS articles
  FROM news.article AS copy
  JOIN news.article AS leader ON leader.article_id = copy.cluster_id
 WHERE NOT copy.is_canonical AND leader.site <> copy.site
 GROUP BY leader.site, copy.site
 ORDER BY articles DESC, first, copied_by
 LIMIT 50;
