-- Opens a settle's transaction: one at a time in a database. The lock ends with the transaction.
SET TRANSACTION ISOLATION LEVEL READ COMMITTED READ WRITE;
SET LOCAL client_min_messages = warning;
SET LOCAL search_path = pg_catalog, pg_temp;
SET LOCAL enable_seqscan = off;
SET LOCAL enable_hashjoin = off;
SET LOCAL enable_mergejoin = off;
CREATE TEMPORARY TABLE IF NOT EXISTS settle_chunk (article_id uuid PRIMARY KEY) ON COMMIT DELETE ROWS;
CREATE TEMPORARY TABLE IF NOT EXISTS settle_changed (article_id uuid PRIMARY KEY) ON COMMIT DELETE ROWS;
CREATE TEMPORARY TABLE IF NOT EXISTS settle_text (text_sha256 bytea PRIMARY KEY) ON COMMIT DELETE ROWS;
CREATE TEMPORARY TABLE IF NOT EXISTS settle_fresh (
    article_id      uuid    PRIMARY KEY,
    sighting_sha256 bytea   NOT NULL,
    original_sha256 bytea   NOT NULL,
    text_sha256     bytea   NOT NULL,
    versions        integer NOT NULL,
    language        text    NOT NULL,
    site            text,
    published_at    timestamptz,
    published_until timestamptz,
    captured_at     timestamptz,
    first_seen      timestamptz,
    last_seen       timestamptz
) ON COMMIT DELETE ROWS;
SELECT pg_advisory_xact_lock(hashtextextended('klartext.settle', 0));
