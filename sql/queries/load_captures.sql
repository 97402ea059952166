-- Captures. What other rules made of the same text is replaced; of two results of the same rules (the text came with
-- different markup) the greater stays, whichever came first.
INSERT INTO klartext.capture AS c
       (article_id, original_sha256, capture_sha256, text_sha256, rules_version, language, language_confidence,
        word_count, text, removed, blocks)
SELECT article_id, original_sha256, capture_sha256, text_sha256, rules_version, language, language_confidence,
       word_count, text, removed, blocks
  FROM pg_temp.staged_capture
 ORDER BY article_id, original_sha256
ON CONFLICT (article_id, original_sha256) DO UPDATE
   SET capture_sha256 = excluded.capture_sha256, text_sha256 = excluded.text_sha256,
       rules_version = excluded.rules_version, language = excluded.language,
       language_confidence = excluded.language_confidence, word_count = excluded.word_count, text = excluded.text,
       removed = excluded.removed, blocks = excluded.blocks
 WHERE c.rules_version <> excluded.rules_version OR c.capture_sha256 < excluded.capture_sha256;
