-- What was written about something? The best answers with the place that fits; put your own words in.
SELECT a.published_at, a.site, a.title, round(s.rank::numeric, 4) AS rank, s.headline
  FROM news.search('election or minister or council') AS s
  JOIN news.clean_article AS a USING (article_id)
 ORDER BY s.rank DESC, s.article_id
 LIMIT 20;
