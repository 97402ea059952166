-- Who writes most, and where?
SELECT author, count(*) AS articles, array_agg(DISTINCT site) AS sites, min(published_at) AS first,
       max(published_at) AS last
  FROM news.clean_article, unnest(authors) AS author
 GROUP BY author
 ORDER BY articles DESC, author
 LIMIT 50;
