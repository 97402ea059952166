-- From which articles was most of the text stripped? Where cleaning goes wrong, it shows here first.
SELECT round(sum(char_length(s.text))::numeric / (char_length(a.text) + sum(char_length(s.text))), 3) AS share,
       count(*) AS spans, a.site, a.title, a.url, a.article_id
  FROM news.removed_span AS s
  JOIN news.article AS a USING (article_id)
 GROUP BY a.article_id, a.text, a.site, a.title, a.url
 ORDER BY share DESC, a.article_id
 LIMIT 50;
