-- Which articles have a language we aren't sure of?
SELECT language, round(language_confidence::numeric, 3) AS confidence, word_count, site, title, left(text, 120) AS begins
  FROM news.clean_article
 WHERE language = 'und' OR language_confidence < 0.9
 ORDER BY language_confidence, article_id
 LIMIT 50;
