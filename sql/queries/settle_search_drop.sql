-- Search documents that no longer say what people see: the article is a copy now, or its title or text is another.
DELETE FROM klartext.search_document AS d
 USING pg_temp.settle_changed AS k
 WHERE d.article_id = k.article_id
   AND NOT EXISTS (
       SELECT FROM klartext.settled AS s
         JOIN klartext.sighting AS g USING (article_id, sighting_sha256)
        WHERE s.article_id = d.article_id AND s.is_canonical
          AND d.source_sha256
              = sha256(convert_to(s.language || E'\n' || coalesce(g.title, ''), 'UTF8') || s.text_sha256));
