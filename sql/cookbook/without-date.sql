-- Which sites give no publication date, or only a vague one?
SELECT site, coalesce(published_precision, 'none') AS precision, count(*) AS articles,
       (array_agg(url ORDER BY article_id))[1] AS for_example
  FROM news.article
 WHERE published_precision IS NULL OR published_precision IN ('month', 'year')
 GROUP BY site, precision
 ORDER BY articles DESC, site, precision
 LIMIT 50;
