-- How many articles were published a day, in each language?
-- Copies count once; a date known to the month or year only stands on its first day.
SELECT day, language, sum(canonical) AS articles, sum(articles) - sum(canonical) AS copies
  FROM news.daily_volume
 WHERE day IS NOT NULL
 GROUP BY day, language
 ORDER BY day DESC, language;
