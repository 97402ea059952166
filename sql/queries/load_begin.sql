-- Opens a batch's transaction. Every step of a batch is a look-up by key, whatever the statistics of a table that was
-- empty a minute ago say, so the planner isn't given the choice of reading whole tables.
SET TRANSACTION ISOLATION LEVEL READ COMMITTED READ WRITE;
SET LOCAL client_min_messages = warning;
SET LOCAL search_path = pg_catalog, pg_temp;
SET LOCAL enable_seqscan = off;
SET LOCAL enable_hashjoin = off;
SET LOCAL enable_mergejoin = off;
CREATE TEMPORARY TABLE IF NOT EXISTS staged_key (
    place           integer NOT NULL,
    article_id      uuid    NOT NULL,
    original_sha256 bytea   NOT NULL,
    capture_sha256  bytea   NOT NULL,
    sighting_sha256 bytea   NOT NULL
) ON COMMIT DELETE ROWS;
CREATE TEMPORARY TABLE IF NOT EXISTS staged_capture (
    article_id          uuid             NOT NULL,
    original_sha256     bytea            NOT NULL,
    capture_sha256      bytea            NOT NULL,
    text_sha256         bytea            NOT NULL,
    language            text             NOT NULL,
    language_confidence double precision NOT NULL,
    word_count          integer          NOT NULL,
    text                text             NOT NULL,
    removed             jsonb            NOT NULL,
    blocks              jsonb,
    rules_version       text             NOT NULL
) ON COMMIT DELETE ROWS;
CREATE TEMPORARY TABLE IF NOT EXISTS staged_sighting (
    article_id          uuid     NOT NULL,
    identity            text     NOT NULL,
    url_key             text,
    url_key_version     smallint NOT NULL,
    sighting_sha256     bytea    NOT NULL,
    original_sha256     bytea    NOT NULL,
    captured_at         timestamptz,
    source              text     NOT NULL,
    url                 text,
    canonical_url       text,
    site                text,
    title               text,
    authors             text[]   NOT NULL,
    published_at        timestamptz,
    published_until     timestamptz,
    published_precision text,
    modified_at         timestamptz,
    modified_until      timestamptz,
    modified_precision  text,
    declared_language   text,
    access              text     NOT NULL,
    header              text     NOT NULL,
    opt_outs            text[]   NOT NULL,
    notes               text[]   NOT NULL,
    origin              text     NOT NULL,
    run_id              bigint   NOT NULL
) ON COMMIT DELETE ROWS;
CREATE TEMPORARY TABLE IF NOT EXISTS staged_reject (
    origin_sha256  bytea  NOT NULL,
    origin         text   NOT NULL,
    source         text   NOT NULL,
    url            text,
    stage          text   NOT NULL,
    reason         text   NOT NULL,
    detail         text   NOT NULL,
    payload        bytea  NOT NULL,
    payload_sha256 bytea  NOT NULL,
    run_id         bigint NOT NULL
) ON COMMIT DELETE ROWS;
