-- What do we have of each site: how much, since when, in which languages, how much behind a paywall?
SELECT site, count(*) AS articles, count(*) FILTER (WHERE is_canonical) AS canonical,
       min(published_at) AS since, max(published_at) AS until, array_agg(DISTINCT language) AS languages,
       round(avg(word_count)) AS words, round(avg((access = 'teaser')::integer), 3) AS teasers
  FROM news.article
 GROUP BY site
 ORDER BY articles DESC, site
 LIMIT 100;
