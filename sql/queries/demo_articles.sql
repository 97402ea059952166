-- What of some sources stands in the corpus: one row an article, earliest publication first.
SELECT coalesce(title, left(text, 60)), coalesce(site, ''), language,
       coalesce(CASE published_precision
                     WHEN 'year' THEN to_char(published_at, 'YYYY')
                     WHEN 'month' THEN to_char(published_at, 'YYYY-MM')
                     ELSE to_char(published_at, 'YYYY-MM-DD')
                END, ''),
       word_count, CASE WHEN is_canonical THEN '' ELSE relation END
  FROM news.article
 WHERE source = ANY (%(sources)s)
 ORDER BY published_until NULLS LAST, id
 LIMIT 40;
