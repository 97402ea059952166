-- What was stripped most, by site and rule?
SELECT site, class, rule, spans, articles, characters
  FROM news.removed_boilerplate
 ORDER BY characters DESC, site, rule
 LIMIT 50;
