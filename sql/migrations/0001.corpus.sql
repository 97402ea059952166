-- The corpus: tables in schema klartext, what people query in schema news.
-- Run by the owner. The roles klartext_reader and klartext_writer exist already (sql/queries/migrate_roles.sql).

CREATE SCHEMA IF NOT EXISTS news;
COMMENT ON SCHEMA klartext IS 'Klartext''s tables; they may change with any migration. Query the schema news instead.';
COMMENT ON SCHEMA news IS 'The public interface: views and functions that keep their names and columns.';

REVOKE ALL ON SCHEMA klartext, news FROM PUBLIC;
GRANT USAGE ON SCHEMA klartext, news TO klartext_writer;
GRANT USAGE ON SCHEMA news TO klartext_reader;
-- Tables and sequences of later migrations.
ALTER DEFAULT PRIVILEGES IN SCHEMA klartext GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO klartext_writer;
ALTER DEFAULT PRIVILEGES IN SCHEMA klartext GRANT USAGE, SELECT ON SEQUENCES TO klartext_writer;

-- ---------------------------------------------------------------------------------------------------------------
-- Bookkeeping: runs, batches, sources, the quarantine
-- ---------------------------------------------------------------------------------------------------------------

CREATE TABLE klartext.source (
    name          text        NOT NULL PRIMARY KEY CHECK (name <> ''),
    first_seen_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE klartext.source IS 'Where articles come from: a feed, a sitemap, a folder.';
COMMENT ON COLUMN klartext.source.name IS 'The configured name; part of the identity of records without URL.';
COMMENT ON COLUMN klartext.source.first_seen_at IS 'When a record of it was first loaded; wall clock, bookkeeping only.';

CREATE TABLE klartext.run (
    run_id        bigint      NOT NULL GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind          text        NOT NULL CHECK (kind <> ''),
    state         text        NOT NULL DEFAULT 'running' CHECK (state IN ('running', 'succeeded', 'failed')),
    started_at    timestamptz NOT NULL DEFAULT now(),
    ended_at      timestamptz,
    read          bigint      NOT NULL DEFAULT 0,
    inserted      bigint      NOT NULL DEFAULT 0,
    updated       bigint      NOT NULL DEFAULT 0,
    unchanged     bigint      NOT NULL DEFAULT 0,
    rejected      bigint      NOT NULL DEFAULT 0,
    duplicates    bigint,
    code_version  text        NOT NULL DEFAULT '',
    rules_version text        NOT NULL DEFAULT '',
    parameters    jsonb       NOT NULL DEFAULT '{}',
    message       text,
    CHECK ((state = 'running') = (ended_at IS NULL)),
    CHECK (read = inserted + updated + unchanged + rejected)
);
COMMENT ON TABLE klartext.run IS 'One row for each run of a command or a DAG that writes to the corpus.';
COMMENT ON COLUMN klartext.run.run_id IS 'Number of the run, ascending.';
COMMENT ON COLUMN klartext.run.kind IS 'What ran: ingest, process, settle, acquire, reprocess.';
COMMENT ON COLUMN klartext.run.state IS 'running, succeeded or failed; a run that was killed stays running.';
COMMENT ON COLUMN klartext.run.started_at IS 'Wall clock at its start.';
COMMENT ON COLUMN klartext.run.ended_at IS 'Wall clock at its end; NULL while it runs.';
COMMENT ON COLUMN klartext.run.read IS 'Records read: inserted + updated + unchanged + rejected. Summed from its batches when it ends.';
COMMENT ON COLUMN klartext.run.inserted IS 'Records that brought a new article.';
COMMENT ON COLUMN klartext.run.updated IS 'Records that brought a known article a new clean text.';
COMMENT ON COLUMN klartext.run.unchanged IS 'Records whose clean text was known.';
COMMENT ON COLUMN klartext.run.rejected IS 'Records that are in quarantine.';
COMMENT ON COLUMN klartext.run.duplicates IS 'Articles that this run stored something new of and that are not canonical; NULL until counted.';
COMMENT ON COLUMN klartext.run.code_version IS 'Version of klartext.';
COMMENT ON COLUMN klartext.run.rules_version IS 'Version of the cleaning rules.';
COMMENT ON COLUMN klartext.run.parameters IS 'What the run was asked to do.';
COMMENT ON COLUMN klartext.run.message IS 'Why it failed, in a sentence.';

CREATE TABLE klartext.batch (
    run_id    bigint      NOT NULL REFERENCES klartext.run ON DELETE CASCADE,
    batch_key text        NOT NULL,
    read      integer     NOT NULL DEFAULT 0,
    inserted  integer     NOT NULL DEFAULT 0,
    updated   integer     NOT NULL DEFAULT 0,
    unchanged integer     NOT NULL DEFAULT 0,
    rejected  integer     NOT NULL DEFAULT 0,
    loaded_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (run_id, batch_key),
    CHECK (read = inserted + updated + unchanged + rejected)
);
COMMENT ON TABLE klartext.batch IS 'One row for each batch that was loaded, written in the batch''s own transaction.';
COMMENT ON COLUMN klartext.batch.run_id IS 'The run it belongs to.';
COMMENT ON COLUMN klartext.batch.batch_key IS 'Its name within the run, made of its content; a retry has the same.';
COMMENT ON COLUMN klartext.batch.read IS 'Records in it.';
COMMENT ON COLUMN klartext.batch.inserted IS 'Records that brought a new article.';
COMMENT ON COLUMN klartext.batch.updated IS 'Records that brought a known article a new clean text.';
COMMENT ON COLUMN klartext.batch.unchanged IS 'Records whose clean text was known.';
COMMENT ON COLUMN klartext.batch.rejected IS 'Records that are in quarantine.';
COMMENT ON COLUMN klartext.batch.loaded_at IS 'Wall clock at the start of its transaction.';

CREATE TABLE klartext.quarantine (
    quarantine_id  bigint      NOT NULL GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    origin_sha256  bytea       NOT NULL,
    origin         text        NOT NULL,
    source         text        NOT NULL,
    url            text,
    stage          text        NOT NULL CHECK (stage IN ('acquire', 'read', 'extract', 'language', 'clean', 'fingerprint', 'load')),
    reason         text        NOT NULL CHECK (reason ~ '^[a-z][a-z0-9_]*$'),
    detail         text        NOT NULL,
    payload        bytea       NOT NULL,
    payload_sha256 bytea       NOT NULL,
    run_id         bigint      REFERENCES klartext.run ON DELETE SET NULL,
    at             timestamptz NOT NULL DEFAULT now(),
    retried_at     timestamptz,
    resolved_at    timestamptz,
    UNIQUE (origin_sha256, stage, payload_sha256)
);
COMMENT ON TABLE klartext.quarantine IS 'Records that could not be processed, each with the place and the reason. Not part of the checksum.';
COMMENT ON COLUMN klartext.quarantine.quarantine_id IS 'Number of the row.';
COMMENT ON COLUMN klartext.quarantine.origin_sha256 IS 'SHA-256 of origin: paths and URLs can be longer than an index entry.';
COMMENT ON COLUMN klartext.quarantine.origin IS 'Where the record lies: path, path:LINE or path#OFFSET.';
COMMENT ON COLUMN klartext.quarantine.source IS 'The source''s name.';
COMMENT ON COLUMN klartext.quarantine.url IS 'The record''s URL, where it is known.';
COMMENT ON COLUMN klartext.quarantine.stage IS 'Where it failed: acquire, read, extract, language, clean, fingerprint or load.';
COMMENT ON COLUMN klartext.quarantine.reason IS 'Short code; the reference lists them all.';
COMMENT ON COLUMN klartext.quarantine.detail IS 'A sentence for people.';
COMMENT ON COLUMN klartext.quarantine.payload IS 'The record''s first bytes, up to the cap.';
COMMENT ON COLUMN klartext.quarantine.payload_sha256 IS 'SHA-256 of all of the record''s bytes.';
COMMENT ON COLUMN klartext.quarantine.run_id IS 'The run that rejected it last.';
COMMENT ON COLUMN klartext.quarantine.at IS 'When it was first rejected.';
COMMENT ON COLUMN klartext.quarantine.retried_at IS 'When it was last tried again and rejected again.';
COMMENT ON COLUMN klartext.quarantine.resolved_at IS 'When a record of the same origin was loaded after all.';

-- ---------------------------------------------------------------------------------------------------------------
-- What loaders write: articles, captures, sightings
-- ---------------------------------------------------------------------------------------------------------------

CREATE TABLE klartext.article (
    article_id      uuid     NOT NULL PRIMARY KEY,
    identity        text     NOT NULL CHECK (identity IN ('url', 'text', 'payload')),
    url_key         text,
    url_key_version smallint NOT NULL,
    CHECK ((identity = 'url') = (url_key IS NOT NULL))
);
COMMENT ON TABLE klartext.article IS 'What a URL key, or a text without URL, stands for. Written once by loaders; what settle knows of it is in settled.';
COMMENT ON COLUMN klartext.article.article_id IS 'UUID version 8 of the first 128 bits of SHA-256 over the identity.';
COMMENT ON COLUMN klartext.article.identity IS 'What the id is made of: url (the URL key), text or payload (source name and content).';
COMMENT ON COLUMN klartext.article.url_key IS 'The normalised URL; NULL without a URL.';
COMMENT ON COLUMN klartext.article.url_key_version IS 'Version of the normalisation.';

CREATE TABLE klartext.capture (
    article_id          uuid             NOT NULL REFERENCES klartext.article ON DELETE CASCADE,
    original_sha256     bytea            NOT NULL,
    capture_sha256      bytea            NOT NULL,
    text_sha256         bytea            NOT NULL,
    rules_version       text             NOT NULL,
    language            text             NOT NULL CHECK (language ~ '^[a-z]{2,3}$'),
    language_confidence double precision NOT NULL CHECK (language_confidence BETWEEN 0 AND 1),
    word_count          integer          NOT NULL CHECK (word_count >= 0),
    text                text             NOT NULL CHECK (text <> ''),
    removed             jsonb            NOT NULL DEFAULT '[]' CHECK (jsonb_typeof(removed) = 'array'),
    blocks              jsonb            CHECK (jsonb_typeof(blocks) = 'array'),
    PRIMARY KEY (article_id, original_sha256)
);
DO $compression$
BEGIN
    -- Half the time of the default for the same size, where the server was built with it.
    IF EXISTS (SELECT FROM pg_settings WHERE name = 'default_toast_compression' AND 'lz4' = ANY (enumvals)) THEN
        ALTER TABLE klartext.capture ALTER COLUMN text SET COMPRESSION lz4, ALTER COLUMN removed SET COMPRESSION lz4,
                                     ALTER COLUMN blocks SET COMPRESSION lz4;
    END IF;
END
$compression$;
COMMENT ON TABLE klartext.capture IS 'One row for each article and distinct extracted text: the clean text and what was removed. The original is both together.';
COMMENT ON COLUMN klartext.capture.article_id IS 'The article.';
COMMENT ON COLUMN klartext.capture.original_sha256 IS 'SHA-256 of the extracted text, before cleaning.';
COMMENT ON COLUMN klartext.capture.capture_sha256 IS 'SHA-256 over everything else here. Where one text came with different markup, the greatest is kept.';
COMMENT ON COLUMN klartext.capture.text_sha256 IS 'SHA-256 of the clean text.';
COMMENT ON COLUMN klartext.capture.rules_version IS 'Version of the rules that cleaned it.';
COMMENT ON COLUMN klartext.capture.language IS 'ISO 639-1 code, und when unsure.';
COMMENT ON COLUMN klartext.capture.language_confidence IS 'Confidence in the language, 0 to 1.';
COMMENT ON COLUMN klartext.capture.word_count IS 'Words of the clean text.';
COMMENT ON COLUMN klartext.capture.text IS 'The clean text.';
COMMENT ON COLUMN klartext.capture.removed IS 'Removed spans, sorted and disjoint: start, end (code points of the extracted text), class, rule, text, evidence.';
COMMENT ON COLUMN klartext.capture.blocks IS 'What extraction knew of each block: [start, end, tag, share of link text, classes]; NULL for given text, whose lines they are.';

CREATE TABLE klartext.sighting (
    article_id          uuid        NOT NULL,
    sighting_sha256     bytea       NOT NULL,
    original_sha256     bytea       NOT NULL,
    captured_at         timestamptz CHECK (isfinite(captured_at)),
    source              text        NOT NULL REFERENCES klartext.source,
    url                 text,
    canonical_url       text,
    site                text,
    title               text,
    authors             text[]      NOT NULL DEFAULT '{}',
    published_at        timestamptz CHECK (published_at >= '1600-01-01 00:00:00+00' AND published_at < '2101-01-01 00:00:00+00'),
    published_until     timestamptz CHECK (published_until > '1600-01-01 00:00:00+00' AND published_until <= '2101-01-01 00:00:00+00'),
    published_precision text        CHECK (published_precision IN ('second', 'minute', 'day', 'month', 'year')),
    modified_at         timestamptz CHECK (modified_at >= '1600-01-01 00:00:00+00' AND modified_at < '2101-01-01 00:00:00+00'),
    modified_until      timestamptz CHECK (modified_until > '1600-01-01 00:00:00+00' AND modified_until <= '2101-01-01 00:00:00+00'),
    modified_precision  text        CHECK (modified_precision IN ('second', 'minute', 'day', 'month', 'year')),
    declared_language   text,
    access              text        NOT NULL CHECK (access IN ('full', 'teaser', 'unknown')),
    header              text        NOT NULL DEFAULT '',
    opt_outs            text[]      NOT NULL DEFAULT '{}',
    notes               text[]      NOT NULL DEFAULT '{}',
    origin              text        NOT NULL,
    run_id              bigint      REFERENCES klartext.run ON DELETE SET NULL,
    PRIMARY KEY (article_id, sighting_sha256),
    FOREIGN KEY (article_id, original_sha256) REFERENCES klartext.capture ON DELETE CASCADE,
    CHECK ((published_at IS NULL) = (published_precision IS NULL) AND (published_at IS NULL) = (published_until IS NULL)),
    CHECK (published_at < published_until),
    CHECK ((modified_at IS NULL) = (modified_precision IS NULL) AND (modified_at IS NULL) = (modified_until IS NULL)),
    CHECK (modified_at < modified_until)
);
COMMENT ON TABLE klartext.sighting IS 'One row for each time an article was captured with a text and metadata. The same capture loaded twice is one row.';
COMMENT ON COLUMN klartext.sighting.article_id IS 'The article.';
COMMENT ON COLUMN klartext.sighting.sighting_sha256 IS 'SHA-256 over every column here apart from origin and run_id.';
COMMENT ON COLUMN klartext.sighting.original_sha256 IS 'The extracted text that was seen: a row of capture.';
COMMENT ON COLUMN klartext.sighting.captured_at IS 'When it was captured, as the record says; never the load time.';
COMMENT ON COLUMN klartext.sighting.source IS 'The source''s name.';
COMMENT ON COLUMN klartext.sighting.url IS 'The URL as given.';
COMMENT ON COLUMN klartext.sighting.canonical_url IS 'What the page calls its canonical URL.';
COMMENT ON COLUMN klartext.sighting.site IS 'The site''s host.';
COMMENT ON COLUMN klartext.sighting.title IS 'The title.';
COMMENT ON COLUMN klartext.sighting.authors IS 'The authors, in their order.';
COMMENT ON COLUMN klartext.sighting.published_at IS 'First instant of the publication date.';
COMMENT ON COLUMN klartext.sighting.published_until IS 'First instant after the publication date (2022-01 ends at 2022-02-01).';
COMMENT ON COLUMN klartext.sighting.published_precision IS 'second, minute, day, month or year; NULL exactly when the date is.';
COMMENT ON COLUMN klartext.sighting.modified_at IS 'First instant of the modification date.';
COMMENT ON COLUMN klartext.sighting.modified_until IS 'First instant after the modification date.';
COMMENT ON COLUMN klartext.sighting.modified_precision IS 'second, minute, day, month or year; NULL exactly when the date is.';
COMMENT ON COLUMN klartext.sighting.declared_language IS 'The language that the page or record claims.';
COMMENT ON COLUMN klartext.sighting.access IS 'full, teaser or unknown.';
COMMENT ON COLUMN klartext.sighting.header IS 'The header lines of a text file as they stood.';
COMMENT ON COLUMN klartext.sighting.opt_outs IS 'Text-and-data-mining opt-outs that came with it.';
COMMENT ON COLUMN klartext.sighting.notes IS 'What had to be mended, as short codes.';
COMMENT ON COLUMN klartext.sighting.origin IS 'Where the capture that was loaded first lies. Not part of the checksum.';
COMMENT ON COLUMN klartext.sighting.run_id IS 'The run that loaded it first. Not part of the checksum.';
-- Rows come in the order of runs, so a block range index finds a run's rows at next to no cost.
CREATE INDEX sighting_run ON klartext.sighting USING brin (run_id) WITH (pages_per_range = 32, autosummarize = on);
COMMENT ON INDEX klartext.sighting_run IS 'What a run brought.';

CREATE TABLE klartext.fingerprint (
    text_sha256 bytea    NOT NULL,
    algorithm   smallint NOT NULL,
    signature   bytea    NOT NULL,
    PRIMARY KEY (text_sha256, algorithm)
);
COMMENT ON TABLE klartext.fingerprint IS 'Signatures of clean texts for finding near-duplicates. Empty until that step exists.';
COMMENT ON COLUMN klartext.fingerprint.text_sha256 IS 'SHA-256 of the clean text.';
COMMENT ON COLUMN klartext.fingerprint.algorithm IS 'Version of the algorithm that made the signature.';
COMMENT ON COLUMN klartext.fingerprint.signature IS 'The signature.';

CREATE TABLE klartext.site_block (
    site         text  NOT NULL,
    block_sha256 bytea NOT NULL,
    article_id   uuid  NOT NULL REFERENCES klartext.article ON DELETE CASCADE,
    text_sha256  bytea NOT NULL,
    PRIMARY KEY (site, block_sha256, article_id, text_sha256)
);
COMMENT ON TABLE klartext.site_block IS 'Blocks that a site''s articles have in common, one vote for each article and clean text. Empty until that step exists.';
COMMENT ON COLUMN klartext.site_block.site IS 'The site''s host.';
COMMENT ON COLUMN klartext.site_block.block_sha256 IS 'SHA-256 of the block''s text.';
COMMENT ON COLUMN klartext.site_block.article_id IS 'The article that has it.';
COMMENT ON COLUMN klartext.site_block.text_sha256 IS 'SHA-256 of the rule-clean text that has it.';

-- ---------------------------------------------------------------------------------------------------------------
-- What settle writes
-- ---------------------------------------------------------------------------------------------------------------

CREATE TABLE klartext.settle_queue (
    queue_id   bigint NOT NULL GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    article_id uuid   NOT NULL
);
COMMENT ON TABLE klartext.settle_queue IS 'Articles that a load touched and settle has not looked at yet. Loaders append, settle deletes what it read.';
COMMENT ON COLUMN klartext.settle_queue.queue_id IS 'Number of the entry.';
COMMENT ON COLUMN klartext.settle_queue.article_id IS 'The article; it may stand here more than once.';

CREATE TABLE klartext.settled (
    article_id      uuid        NOT NULL PRIMARY KEY REFERENCES klartext.article ON DELETE CASCADE,
    sighting_sha256 bytea       NOT NULL,
    original_sha256 bytea       NOT NULL,
    text_sha256     bytea       NOT NULL,
    versions        integer     NOT NULL,
    language        text        NOT NULL,
    site            text,
    published_at    timestamptz,
    published_until timestamptz,
    captured_at     timestamptz,
    first_seen      timestamptz,
    last_seen       timestamptz,
    cluster_id      uuid,
    relation        text        CHECK (relation IN ('canonical', 'exact', 'near', 'contained')),
    of              uuid,
    similarity      real        CHECK (similarity BETWEEN 0 AND 1),
    is_canonical    boolean     GENERATED ALWAYS AS (cluster_id = article_id) STORED
) WITH (fillfactor = 85);
COMMENT ON TABLE klartext.settled IS 'What only the corpus can tell of an article: its current version and its cluster. Written by settle alone, one at a time.';
COMMENT ON COLUMN klartext.settled.article_id IS 'The article; people see it from here on.';
COMMENT ON COLUMN klartext.settled.sighting_sha256 IS 'The current sighting: greatest (captured_at, modified_at, text_sha256, sighting_sha256), NULLs least. Its metadata is shown.';
COMMENT ON COLUMN klartext.settled.original_sha256 IS 'The capture whose spans are shown: that of the earliest sighting of the current version.';
COMMENT ON COLUMN klartext.settled.text_sha256 IS 'SHA-256 of the current version''s clean text.';
COMMENT ON COLUMN klartext.settled.versions IS 'Number of its versions.';
COMMENT ON COLUMN klartext.settled.language IS 'Language of the current version.';
COMMENT ON COLUMN klartext.settled.site IS 'Site of the current sighting.';
COMMENT ON COLUMN klartext.settled.published_at IS 'First instant of the current sighting''s publication date.';
COMMENT ON COLUMN klartext.settled.published_until IS 'First instant after the current sighting''s publication date.';
COMMENT ON COLUMN klartext.settled.captured_at IS 'When the current version was first captured: part of the canonical order.';
COMMENT ON COLUMN klartext.settled.first_seen IS 'Least captured_at of its sightings.';
COMMENT ON COLUMN klartext.settled.last_seen IS 'Greatest captured_at of its sightings.';
COMMENT ON COLUMN klartext.settled.cluster_id IS 'Id of its cluster''s leader.';
COMMENT ON COLUMN klartext.settled.relation IS 'canonical, exact, near or contained.';
COMMENT ON COLUMN klartext.settled.of IS 'The article it was matched with; NULL for canonical.';
COMMENT ON COLUMN klartext.settled.similarity IS 'How alike they are, 0 to 1; NULL for canonical.';
COMMENT ON COLUMN klartext.settled.is_canonical IS 'Whether it leads its cluster.';
-- The canonical order within equal texts: the first entry of a hash is its leader.
CREATE INDEX settled_text ON klartext.settled (text_sha256, published_until, captured_at, article_id);
COMMENT ON INDEX klartext.settled_text IS 'Exact copies in canonical order.';
CREATE INDEX settled_cluster ON klartext.settled (cluster_id) WHERE NOT is_canonical;
COMMENT ON INDEX klartext.settled_cluster IS 'The copies of a cluster.';
CREATE INDEX settled_published ON klartext.settled (published_at) WHERE is_canonical;
COMMENT ON INDEX klartext.settled_published IS 'Canonical articles by date.';

CREATE TABLE klartext.search_document (
    article_id    uuid     NOT NULL PRIMARY KEY REFERENCES klartext.settled ON DELETE CASCADE,
    source_sha256 bytea    NOT NULL,
    language      text     NOT NULL,
    document      tsvector NOT NULL
);
COMMENT ON TABLE klartext.search_document IS 'The full-text search index over canonical articles, apart from settled so that settling does not rewrite it.';
COMMENT ON COLUMN klartext.search_document.article_id IS 'A canonical article.';
COMMENT ON COLUMN klartext.search_document.source_sha256 IS 'Hash of what the document was made from: language, title, text.';
COMMENT ON COLUMN klartext.search_document.language IS 'Language of the article.';
COMMENT ON COLUMN klartext.search_document.document IS 'Title (weight A) and text (weight D) in the language''s configuration, and one lexeme that names the language.';
CREATE INDEX search_document_document ON klartext.search_document USING gin (document);
COMMENT ON INDEX klartext.search_document_document IS 'Serves news.search.';
CREATE INDEX search_document_language ON klartext.search_document (language);
COMMENT ON INDEX klartext.search_document_language IS 'Which languages there are.';

CREATE TABLE klartext.settle_state (
    only_row        boolean NOT NULL PRIMARY KEY DEFAULT true CHECK (only_row),
    search_complete boolean NOT NULL DEFAULT true
);
COMMENT ON TABLE klartext.settle_state IS 'What one settle must tell the next; one row.';
COMMENT ON COLUMN klartext.settle_state.only_row IS 'Always true: there is one row.';
COMMENT ON COLUMN klartext.settle_state.search_complete IS 'False after a settle without the search index: the next one with it fills the gaps.';
INSERT INTO klartext.settle_state DEFAULT VALUES;

-- ---------------------------------------------------------------------------------------------------------------
-- Search: one language, one configuration
-- ---------------------------------------------------------------------------------------------------------------

CREATE FUNCTION klartext.search_configuration(language text) RETURNS regconfig
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$
    SELECT CASE language
        WHEN 'ar' THEN 'pg_catalog.arabic'::regconfig
        WHEN 'ca' THEN 'pg_catalog.catalan'::regconfig
        WHEN 'da' THEN 'pg_catalog.danish'::regconfig
        WHEN 'de' THEN 'pg_catalog.german'::regconfig
        WHEN 'el' THEN 'pg_catalog.greek'::regconfig
        WHEN 'en' THEN 'pg_catalog.english'::regconfig
        WHEN 'es' THEN 'pg_catalog.spanish'::regconfig
        WHEN 'eu' THEN 'pg_catalog.basque'::regconfig
        WHEN 'fi' THEN 'pg_catalog.finnish'::regconfig
        WHEN 'fr' THEN 'pg_catalog.french'::regconfig
        WHEN 'ga' THEN 'pg_catalog.irish'::regconfig
        WHEN 'hi' THEN 'pg_catalog.hindi'::regconfig
        WHEN 'hu' THEN 'pg_catalog.hungarian'::regconfig
        WHEN 'hy' THEN 'pg_catalog.armenian'::regconfig
        WHEN 'id' THEN 'pg_catalog.indonesian'::regconfig
        WHEN 'it' THEN 'pg_catalog.italian'::regconfig
        WHEN 'lt' THEN 'pg_catalog.lithuanian'::regconfig
        WHEN 'ne' THEN 'pg_catalog.nepali'::regconfig
        WHEN 'nl' THEN 'pg_catalog.dutch'::regconfig
        WHEN 'no' THEN 'pg_catalog.norwegian'::regconfig
        WHEN 'pt' THEN 'pg_catalog.portuguese'::regconfig
        WHEN 'ro' THEN 'pg_catalog.romanian'::regconfig
        WHEN 'ru' THEN 'pg_catalog.russian'::regconfig
        WHEN 'sr' THEN 'pg_catalog.serbian'::regconfig
        WHEN 'sv' THEN 'pg_catalog.swedish'::regconfig
        WHEN 'ta' THEN 'pg_catalog.tamil'::regconfig
        WHEN 'tr' THEN 'pg_catalog.turkish'::regconfig
        WHEN 'yi' THEN 'pg_catalog.yiddish'::regconfig
        ELSE 'pg_catalog.simple'::regconfig
    END
$$;
COMMENT ON FUNCTION klartext.search_configuration(text) IS 'The text search configuration of a language; simple where PostgreSQL has none.';

-- Without the accents of the Latin, Greek and Cyrillic scripts (U+0300 to U+036F); marks of other scripts carry vowels
-- and stay. Stroked letters don't decompose, so they are listed. Normalising costs as much as parsing does, so text
-- whose only foreign characters are quotes and dashes is spared it, and text of those three scripts the way back.
CREATE FUNCTION klartext.search_fold(value text) RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $$
BEGIN
    IF octet_length(value) = char_length(value) OR value !~ '[\u00ad\u00c0-\u1fff\u200b-\u200d\u2c00-\U0010ffff]' THEN
        RETURN value;
    END IF;
    value := regexp_replace(normalize(value, NFD), '[\u0300-\u036f\u00ad\u200b-\u200d]+', '', 'g');
    IF value ~ '[\u0530-\u1dff\u2c00-\U0010ffff]' THEN
        value := normalize(value, NFC);
    END IF;
    IF value ~ '[øØłŁđĐħĦŧŦı]' THEN
        value := translate(value, 'øØłŁđĐħĦŧŦı', 'oOlLdDhHtTi');
    END IF;
    RETURN value;
END
$$;
COMMENT ON FUNCTION klartext.search_fold(text) IS 'Text without accents, soft hyphens and zero-width characters, for search.';

-- PostgreSQL's parser can't cut scripts written without spaces, so their runs become overlapping pairs of characters.
CREATE FUNCTION klartext.search_has_pairs(value text) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$
    SELECT value ~ '[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3041-\u30ff\u31f0-\u31ff\u3400-\u9fff\uac00-\ud7a3\uf900-\ufaff\U00020000-\U0003ffff]'
$$;
COMMENT ON FUNCTION klartext.search_has_pairs(text) IS 'Whether a text holds Chinese, Japanese, Korean, Thai, Lao, Burmese or Khmer characters, which are searched in pairs.';

CREATE FUNCTION klartext.search_without_pairs(value text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$
    SELECT regexp_replace(value, '[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3041-\u30ff\u31f0-\u31ff\u3400-\u9fff\uac00-\ud7a3\uf900-\ufaff\U00020000-\U0003ffff]+', ' ', 'g')
$$;
COMMENT ON FUNCTION klartext.search_without_pairs(text) IS 'A text without the characters that are searched in pairs.';

-- The pairs of one text as a tsvector with positions. A position is the character's (positions end at 16383).
CREATE FUNCTION klartext.search_pairs(value text) RETURNS tsvector
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$
    WITH letter AS (
        SELECT position, character,
               klartext.search_has_pairs(character) AS pairs,
               lead(character) OVER (ORDER BY position) AS following,
               lag(character) OVER (ORDER BY position) AS previous
          FROM string_to_table(value, NULL) WITH ORDINALITY AS t(character, position)
    ), lexeme AS (
        SELECT position,
               character || CASE WHEN klartext.search_has_pairs(following) THEN following ELSE '' END AS lexeme
          FROM letter
         WHERE pairs
           -- The last character of a run stands in the pair before it; alone, it is a lexeme of its own.
           AND (coalesce(klartext.search_has_pairs(following), false)
                OR NOT coalesce(klartext.search_has_pairs(previous), false))
    )
    SELECT coalesce(string_agg(quote_literal(lexeme) || ':' || least(position, 16383), ' '), '')::tsvector FROM lexeme
$$;
COMMENT ON FUNCTION klartext.search_pairs(text) IS 'Overlapping pairs of the characters of scripts written without spaces.';

CREATE FUNCTION klartext.search_words(language text, value text) RETURNS tsvector
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $$
DECLARE
    folded text := klartext.search_fold(value);
    -- Far below the 1 MB that a tsvector may have; pairs need more of it than words.
    paired boolean := klartext.search_has_pairs(folded);
    longest integer := CASE WHEN paired THEN 40000 ELSE 100000 END;
BEGIN
    LOOP
        folded := left(folded, longest);
        BEGIN
            IF paired THEN
                RETURN to_tsvector(klartext.search_configuration(language), klartext.search_without_pairs(folded))
                    || klartext.search_pairs(folded);
            END IF;
            RETURN to_tsvector(klartext.search_configuration(language), folded);
        EXCEPTION WHEN program_limit_exceeded THEN
            longest := longest / 4;
        END;
    END LOOP;
END
$$;
COMMENT ON FUNCTION klartext.search_words(text, text) IS 'A text as a tsvector in its language; very long texts are searched by their first 100,000 characters (40,000 in pairs).';

CREATE FUNCTION klartext.search_marker(language text) RETURNS tsquery
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$ SELECT ('''' || chr(57344) || coalesce(language, '') || '''')::tsquery $$;
COMMENT ON FUNCTION klartext.search_marker(text) IS 'The lexeme that names a language: a private-use character, so no text has it.';

CREATE FUNCTION klartext.search_document(language text, title text, body text) RETURNS tsvector
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$
    SELECT setweight(klartext.search_words(language, coalesce(left(title, 2000), '')), 'A')
        || setweight(klartext.search_words(language, body), 'D')
        || array_to_tsvector(ARRAY[chr(57344) || language])
$$;
COMMENT ON FUNCTION klartext.search_document(text, text, text) IS 'What is searched of an article.';

-- Words as in a web search ("a phrase", -without, or); pairs of one run must follow each other.
CREATE FUNCTION klartext.search_query(query text, language text) RETURNS tsquery
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $$
DECLARE
    folded text := klartext.search_fold(left(query, 2000));
    words tsquery := websearch_to_tsquery(
        klartext.search_configuration(language),
        CASE WHEN klartext.search_has_pairs(folded) THEN klartext.search_without_pairs(folded) ELSE folded END);
    run text[];
    part tsquery;
    characters text[];
BEGIN
    IF NOT klartext.search_has_pairs(folded) THEN
        RETURN words;
    END IF;
    FOR run IN SELECT regexp_matches(folded, '(-?)([\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3041-\u30ff\u31f0-\u31ff\u3400-\u9fff\uac00-\ud7a3\uf900-\ufaff\U00020000-\U0003ffff]+)', 'g') LOOP
        characters := string_to_array(run[2], NULL);
        IF cardinality(characters) = 1 THEN
            part := (quote_literal(characters[1]) || ':*')::tsquery;
        ELSE
            SELECT string_agg(quote_literal(characters[i] || characters[i + 1]), ' <-> ' ORDER BY i)::tsquery
              INTO part FROM generate_series(1, cardinality(characters) - 1) AS i;
        END IF;
        IF run[1] = '-' THEN
            part := !! part;
        END IF;
        words := CASE WHEN numnode(words) = 0 THEN part ELSE words && part END;
    END LOOP;
    RETURN words;
END
$$;
COMMENT ON FUNCTION klartext.search_query(text, text) IS 'A web-search query as a tsquery in a language.';

CREATE FUNCTION klartext.search_headline(language text, body text, query text, parsed tsquery) RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $$
DECLARE
    folded text;
    needle text;
    at integer := 0;
BEGIN
    IF NOT klartext.search_has_pairs(query) THEN
        RETURN ts_headline(klartext.search_configuration(language), left(body, 20000), parsed,
                           'MaxFragments=2, MaxWords=25, MinWords=8, FragmentDelimiter=" … "');
    END IF;
    folded := left(body, 20000);
    FOR needle IN SELECT m[1] FROM regexp_matches(query, '([\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3041-\u30ff\u31f0-\u31ff\u3400-\u9fff\uac00-\ud7a3\uf900-\ufaff\U00020000-\U0003ffff]+)', 'g') AS m LOOP
        at := strpos(folded, needle);
        EXIT WHEN at > 0;
    END LOOP;
    IF at = 0 THEN
        RETURN left(folded, 120);
    END IF;
    RETURN substr(folded, greatest(1, at - 40), least(40, at - 1)) || '<b>' || needle || '</b>'
        || substr(folded, at + char_length(needle), 60);
END
$$;
COMMENT ON FUNCTION klartext.search_headline(text, text, text, tsquery) IS 'The part of a text that answers a query, with <b> around the words found.';

-- ---------------------------------------------------------------------------------------------------------------
-- The public interface
-- ---------------------------------------------------------------------------------------------------------------

CREATE VIEW news.article AS
SELECT a.article_id AS id, a.article_id, g.url, a.url_key, g.canonical_url, g.site, g.title, g.authors,
       g.published_at, g.published_until, g.published_precision, g.modified_at, g.modified_precision,
       c.language, c.language_confidence, g.access, c.text, c.text_sha256, c.word_count, g.source,
       g.captured_at, s.first_seen, s.last_seen, s.versions, a.identity, g.opt_outs, g.notes,
       s.is_canonical, s.cluster_id, s.relation, s.of, s.similarity
  FROM klartext.settled AS s
  JOIN klartext.article AS a USING (article_id)
  JOIN klartext.sighting AS g USING (article_id, sighting_sha256)
  JOIN klartext.capture AS c ON c.article_id = s.article_id AND c.original_sha256 = s.original_sha256
 WHERE s.cluster_id IS NOT NULL;
COMMENT ON VIEW news.article IS 'Every article in its current version, copies too.';
COMMENT ON COLUMN news.article.id IS 'The article''s id, the same in every database.';
COMMENT ON COLUMN news.article.article_id IS 'The same as id, named as in the other views.';
COMMENT ON COLUMN news.article.url IS 'The URL as last captured.';
COMMENT ON COLUMN news.article.url_key IS 'The normalised URL that identifies the article; NULL without a URL.';
COMMENT ON COLUMN news.article.canonical_url IS 'What the page calls its canonical URL.';
COMMENT ON COLUMN news.article.site IS 'The site''s host.';
COMMENT ON COLUMN news.article.title IS 'The title.';
COMMENT ON COLUMN news.article.authors IS 'The authors, in their order.';
COMMENT ON COLUMN news.article.published_at IS 'First instant of the publication date, UTC.';
COMMENT ON COLUMN news.article.published_until IS 'First instant after the publication date.';
COMMENT ON COLUMN news.article.published_precision IS 'second, minute, day, month or year; NULL exactly when the date is.';
COMMENT ON COLUMN news.article.modified_at IS 'First instant of the modification date, UTC.';
COMMENT ON COLUMN news.article.modified_precision IS 'second, minute, day, month or year; NULL exactly when the date is.';
COMMENT ON COLUMN news.article.language IS 'ISO 639-1 code, und when unsure.';
COMMENT ON COLUMN news.article.language_confidence IS 'Confidence in the language, 0 to 1.';
COMMENT ON COLUMN news.article.access IS 'full, teaser (the rest is behind a paywall) or unknown.';
COMMENT ON COLUMN news.article.text IS 'The clean text.';
COMMENT ON COLUMN news.article.text_sha256 IS 'SHA-256 of the clean text.';
COMMENT ON COLUMN news.article.word_count IS 'Words of the clean text.';
COMMENT ON COLUMN news.article.source IS 'Name of the source it was last captured from.';
COMMENT ON COLUMN news.article.captured_at IS 'When the current sighting was captured; NULL where no record says.';
COMMENT ON COLUMN news.article.first_seen IS 'Its earliest capture.';
COMMENT ON COLUMN news.article.last_seen IS 'Its latest capture.';
COMMENT ON COLUMN news.article.versions IS 'How many versions it has had.';
COMMENT ON COLUMN news.article.identity IS 'What the id is made of: url, text or payload.';
COMMENT ON COLUMN news.article.opt_outs IS 'Text-and-data-mining opt-outs that came with it.';
COMMENT ON COLUMN news.article.notes IS 'What had to be mended or dropped, as short codes.';
COMMENT ON COLUMN news.article.is_canonical IS 'Whether it leads its cluster: the one that people see by default.';
COMMENT ON COLUMN news.article.cluster_id IS 'Its cluster: the leader''s id.';
COMMENT ON COLUMN news.article.relation IS 'canonical, exact, near or contained.';
COMMENT ON COLUMN news.article.of IS 'The article it was matched with.';
COMMENT ON COLUMN news.article.similarity IS 'How alike they are, 0 to 1.';

CREATE VIEW news.clean_article AS
SELECT s.article_id, g.url, g.site, g.title, g.authors, g.published_at, g.published_precision, c.language,
       c.language_confidence, g.access, c.text, c.word_count,
       CASE WHEN s.relation = 'contained' THEN s.of END AS contained_in, s.first_seen, s.last_seen, g.source,
       d.document AS search
  FROM klartext.settled AS s
  JOIN klartext.sighting AS g USING (article_id, sighting_sha256)
  JOIN klartext.capture AS c ON c.article_id = s.article_id AND c.original_sha256 = s.original_sha256
  LEFT JOIN klartext.search_document AS d ON d.article_id = s.article_id
 WHERE s.is_canonical;
COMMENT ON VIEW news.clean_article IS 'Canonical articles in their current version: what people query by default.';
COMMENT ON COLUMN news.clean_article.article_id IS 'The article''s id, the same in every database.';
COMMENT ON COLUMN news.clean_article.url IS 'The URL as last captured.';
COMMENT ON COLUMN news.clean_article.site IS 'The site''s host.';
COMMENT ON COLUMN news.clean_article.title IS 'The title.';
COMMENT ON COLUMN news.clean_article.authors IS 'The authors, in their order.';
COMMENT ON COLUMN news.clean_article.published_at IS 'First instant of the publication date, UTC.';
COMMENT ON COLUMN news.clean_article.published_precision IS 'second, minute, day, month or year; NULL exactly when the date is.';
COMMENT ON COLUMN news.clean_article.language IS 'ISO 639-1 code, und when unsure.';
COMMENT ON COLUMN news.clean_article.language_confidence IS 'Confidence in the language, 0 to 1.';
COMMENT ON COLUMN news.clean_article.access IS 'full, teaser (the rest is behind a paywall) or unknown.';
COMMENT ON COLUMN news.clean_article.text IS 'The clean text.';
COMMENT ON COLUMN news.clean_article.word_count IS 'Words of the clean text.';
COMMENT ON COLUMN news.clean_article.contained_in IS 'The longer article that holds this one; NULL for most.';
COMMENT ON COLUMN news.clean_article.first_seen IS 'Its earliest capture.';
COMMENT ON COLUMN news.clean_article.last_seen IS 'Its latest capture.';
COMMENT ON COLUMN news.clean_article.source IS 'Name of the source it was last captured from.';
COMMENT ON COLUMN news.clean_article.search IS 'For full-text search with @@ news.tsquery(query, language); NULL where the index is turned off.';

CREATE VIEW klartext.version_sighting AS
WITH ordered AS (
    SELECT g.article_id, g.sighting_sha256, g.original_sha256, g.captured_at, g.modified_at, g.title, c.text_sha256,
           row_number() OVER recency AS recency,
           c.text_sha256 IS DISTINCT FROM lag(c.text_sha256) OVER recency AS is_last,
           c.text_sha256 IS DISTINCT FROM lead(c.text_sha256) OVER recency AS is_first
      FROM klartext.sighting AS g
      JOIN klartext.capture AS c USING (article_id, original_sha256)
    WINDOW recency AS (PARTITION BY g.article_id
                       ORDER BY g.captured_at DESC NULLS LAST, g.modified_at DESC NULLS LAST, c.text_sha256 DESC,
                                g.sighting_sha256 DESC)
)
SELECT article_id, sighting_sha256, original_sha256, captured_at, title, text_sha256, recency, is_first, is_last,
       count(*) FILTER (WHERE is_first) OVER (PARTITION BY article_id ORDER BY recency DESC)::integer AS version
  FROM ordered;
COMMENT ON VIEW klartext.version_sighting IS 'Each sighting with its version: sightings in order of time, neighbours with equal clean text being one version.';
COMMENT ON COLUMN klartext.version_sighting.article_id IS 'The article.';
COMMENT ON COLUMN klartext.version_sighting.sighting_sha256 IS 'The sighting.';
COMMENT ON COLUMN klartext.version_sighting.original_sha256 IS 'Its capture.';
COMMENT ON COLUMN klartext.version_sighting.captured_at IS 'When it was captured.';
COMMENT ON COLUMN klartext.version_sighting.title IS 'Its title.';
COMMENT ON COLUMN klartext.version_sighting.text_sha256 IS 'SHA-256 of its clean text.';
COMMENT ON COLUMN klartext.version_sighting.recency IS '1 for the current sighting, counting back in time.';
COMMENT ON COLUMN klartext.version_sighting.is_first IS 'Whether it is the earliest sighting of its version.';
COMMENT ON COLUMN klartext.version_sighting.is_last IS 'Whether it is the latest sighting of its version.';
COMMENT ON COLUMN klartext.version_sighting.version IS 'Number of its version, from 1.';

CREATE VIEW news.article_version AS
WITH version AS (
    SELECT v.article_id, v.version, v.original_sha256, v.captured_at, v.text_sha256, v.is_first,
           first_value(v.title) OVER w AS title,
           first_value(v.captured_at) OVER w AS last_captured_at,
           first_value(v.sighting_sha256) OVER w AS last_sighting_sha256
      FROM klartext.version_sighting AS v
    WINDOW w AS (PARTITION BY v.article_id, v.version ORDER BY v.recency)
)
SELECT v.article_id, v.version, v.captured_at, v.text_sha256, v.title, c.text,
       v.last_sighting_sha256 = s.sighting_sha256 AS is_current, c.language, c.word_count, v.last_captured_at
  FROM version AS v
  JOIN klartext.settled AS s ON s.article_id = v.article_id AND s.cluster_id IS NOT NULL
  JOIN klartext.capture AS c ON c.article_id = v.article_id AND c.original_sha256 = v.original_sha256
 WHERE v.is_first;
COMMENT ON VIEW news.article_version IS 'Every version of every article, by time. Going back to an earlier text is a version too.';
COMMENT ON COLUMN news.article_version.article_id IS 'The article''s id.';
COMMENT ON COLUMN news.article_version.version IS '1 for the earliest.';
COMMENT ON COLUMN news.article_version.captured_at IS 'When this version was first captured; NULL where no record says.';
COMMENT ON COLUMN news.article_version.text_sha256 IS 'SHA-256 of the clean text.';
COMMENT ON COLUMN news.article_version.title IS 'The title, as last captured with this text.';
COMMENT ON COLUMN news.article_version.text IS 'The clean text.';
COMMENT ON COLUMN news.article_version.is_current IS 'Whether it is the version that people see.';
COMMENT ON COLUMN news.article_version.language IS 'Language of this version.';
COMMENT ON COLUMN news.article_version.word_count IS 'Words of the clean text.';
COMMENT ON COLUMN news.article_version.last_captured_at IS 'When this version was last captured.';

CREATE VIEW news.removed_span AS
SELECT s.article_id, (r.span ->> 'start')::integer AS start, (r.span ->> 'end')::integer AS "end",
       r.span ->> 'class' AS class, r.span ->> 'rule' AS rule, r.span ->> 'text' AS text, r.span -> 'evidence' AS evidence
  FROM klartext.settled AS s
  JOIN klartext.capture AS c ON c.article_id = s.article_id AND c.original_sha256 = s.original_sha256
 CROSS JOIN LATERAL jsonb_array_elements(c.removed) AS r(span)
 WHERE s.cluster_id IS NOT NULL;
COMMENT ON VIEW news.removed_span IS 'What cleaning removed from each article''s current version, and why.';
COMMENT ON COLUMN news.removed_span.article_id IS 'The article''s id.';
COMMENT ON COLUMN news.removed_span.start IS 'First code point of the original text that was removed, from 0.';
COMMENT ON COLUMN news.removed_span."end" IS 'First code point after it.';
COMMENT ON COLUMN news.removed_span.class IS 'Class of boilerplate.';
COMMENT ON COLUMN news.removed_span.rule IS 'The rule that spoke against it.';
COMMENT ON COLUMN news.removed_span.text IS 'The removed text.';
COMMENT ON COLUMN news.removed_span.evidence IS 'Score and signals.';

CREATE VIEW news.version_removed_span AS
SELECT v.article_id, v.version, (r.span ->> 'start')::integer AS start, (r.span ->> 'end')::integer AS "end",
       r.span ->> 'class' AS class, r.span ->> 'rule' AS rule, r.span ->> 'text' AS text, r.span -> 'evidence' AS evidence
  FROM klartext.version_sighting AS v
  JOIN klartext.settled AS s ON s.article_id = v.article_id AND s.cluster_id IS NOT NULL
  JOIN klartext.capture AS c ON c.article_id = v.article_id AND c.original_sha256 = v.original_sha256
 CROSS JOIN LATERAL jsonb_array_elements(c.removed) AS r(span)
 WHERE v.is_first;
COMMENT ON VIEW news.version_removed_span IS 'What cleaning removed from every version, and why.';
COMMENT ON COLUMN news.version_removed_span.article_id IS 'The article''s id.';
COMMENT ON COLUMN news.version_removed_span.version IS 'The version, 1 for the earliest.';
COMMENT ON COLUMN news.version_removed_span.start IS 'First code point of the original text that was removed, from 0.';
COMMENT ON COLUMN news.version_removed_span."end" IS 'First code point after it.';
COMMENT ON COLUMN news.version_removed_span.class IS 'Class of boilerplate.';
COMMENT ON COLUMN news.version_removed_span.rule IS 'The rule that spoke against it.';
COMMENT ON COLUMN news.version_removed_span.text IS 'The removed text.';
COMMENT ON COLUMN news.version_removed_span.evidence IS 'Score and signals.';

CREATE VIEW news.duplicate_cluster AS
SELECT s.cluster_id, s.article_id, g.url, s.is_canonical, s.relation, s.of, s.similarity, s.published_at
  FROM klartext.settled AS s
  JOIN klartext.sighting AS g USING (article_id, sighting_sha256)
 WHERE s.cluster_id IS NOT NULL;
COMMENT ON VIEW news.duplicate_cluster IS 'A row for every article: the cluster it belongs to, and why.';
COMMENT ON COLUMN news.duplicate_cluster.cluster_id IS 'Id of the cluster''s leader.';
COMMENT ON COLUMN news.duplicate_cluster.article_id IS 'The article''s id.';
COMMENT ON COLUMN news.duplicate_cluster.url IS 'Its URL.';
COMMENT ON COLUMN news.duplicate_cluster.is_canonical IS 'Whether it leads the cluster.';
COMMENT ON COLUMN news.duplicate_cluster.relation IS 'canonical, exact (same clean text), near, or contained (a part of a longer article, leading its own cluster).';
COMMENT ON COLUMN news.duplicate_cluster.of IS 'The article it was matched with; NULL for canonical.';
COMMENT ON COLUMN news.duplicate_cluster.similarity IS 'How alike they are, 0 to 1; NULL for canonical.';
COMMENT ON COLUMN news.duplicate_cluster.published_at IS 'First instant of its publication date.';

CREATE VIEW news.quarantine AS
SELECT origin, source, url, stage, reason, detail, run_id, at, retried_at, resolved_at, payload, payload_sha256
  FROM klartext.quarantine;
COMMENT ON VIEW news.quarantine IS 'Records that could not be processed, each with the place and the reason.';
COMMENT ON COLUMN news.quarantine.origin IS 'Where the record lies: path, path:LINE or path#OFFSET.';
COMMENT ON COLUMN news.quarantine.source IS 'The source''s name.';
COMMENT ON COLUMN news.quarantine.url IS 'The record''s URL, where it is known.';
COMMENT ON COLUMN news.quarantine.stage IS 'Where it failed: acquire, read, extract, language, clean, fingerprint or load.';
COMMENT ON COLUMN news.quarantine.reason IS 'Short code; the reference lists them all.';
COMMENT ON COLUMN news.quarantine.detail IS 'A sentence for people.';
COMMENT ON COLUMN news.quarantine.run_id IS 'The run that rejected it last.';
COMMENT ON COLUMN news.quarantine.at IS 'When it was first rejected.';
COMMENT ON COLUMN news.quarantine.retried_at IS 'When it was last tried again and rejected again.';
COMMENT ON COLUMN news.quarantine.resolved_at IS 'When a record of the same origin was loaded after all.';
COMMENT ON COLUMN news.quarantine.payload IS 'The record''s first bytes.';
COMMENT ON COLUMN news.quarantine.payload_sha256 IS 'SHA-256 of all of the record''s bytes.';

CREATE VIEW news.batch AS
SELECT run_id, batch_key, read, inserted, updated, unchanged, rejected, loaded_at FROM klartext.batch;
COMMENT ON VIEW news.batch IS 'Every batch that was loaded, by run.';
COMMENT ON COLUMN news.batch.run_id IS 'The run it belongs to.';
COMMENT ON COLUMN news.batch.batch_key IS 'Its name within the run, made of its content.';
COMMENT ON COLUMN news.batch.read IS 'Records in it.';
COMMENT ON COLUMN news.batch.inserted IS 'Records that brought a new article.';
COMMENT ON COLUMN news.batch.updated IS 'Records that brought a known article a new clean text.';
COMMENT ON COLUMN news.batch.unchanged IS 'Records whose clean text was known.';
COMMENT ON COLUMN news.batch.rejected IS 'Records that are in quarantine.';
COMMENT ON COLUMN news.batch.loaded_at IS 'Wall clock at the start of its transaction.';

CREATE VIEW news.run AS
SELECT run_id AS id, kind, started_at, ended_at, state,
       jsonb_build_object('read', read, 'inserted', inserted, 'updated', updated, 'unchanged', unchanged,
                          'rejected', rejected, 'duplicates', duplicates) AS counts,
       read, inserted, updated, unchanged, rejected, duplicates, code_version, rules_version, parameters, message
  FROM klartext.run;
COMMENT ON VIEW news.run IS 'Every run that wrote to the corpus.';
COMMENT ON COLUMN news.run.id IS 'Number of the run, ascending.';
COMMENT ON COLUMN news.run.kind IS 'What ran: ingest, process, settle, acquire, reprocess.';
COMMENT ON COLUMN news.run.started_at IS 'Wall clock at its start.';
COMMENT ON COLUMN news.run.ended_at IS 'Wall clock at its end; NULL while it runs.';
COMMENT ON COLUMN news.run.state IS 'running, succeeded or failed; a run that was killed stays running.';
COMMENT ON COLUMN news.run.counts IS 'The six counts as one JSON object.';
COMMENT ON COLUMN news.run.read IS 'Records read: inserted + updated + unchanged + rejected.';
COMMENT ON COLUMN news.run.inserted IS 'Records that brought a new article.';
COMMENT ON COLUMN news.run.updated IS 'Records that brought a known article a new clean text.';
COMMENT ON COLUMN news.run.unchanged IS 'Records whose clean text was known.';
COMMENT ON COLUMN news.run.rejected IS 'Records that are in quarantine.';
COMMENT ON COLUMN news.run.duplicates IS 'Articles that this run stored something new of and that were not canonical when it ended.';
COMMENT ON COLUMN news.run.code_version IS 'Version of klartext.';
COMMENT ON COLUMN news.run.rules_version IS 'Version of the cleaning rules.';
COMMENT ON COLUMN news.run.parameters IS 'What the run was asked to do.';
COMMENT ON COLUMN news.run.message IS 'Why it failed, in a sentence.';

CREATE VIEW news.run_health AS
SELECT r.run_id AS id, r.kind, r.started_at, r.state,
       coalesce(r.ended_at, max(b.loaded_at)) - r.started_at AS duration,
       coalesce(sum(b.read), 0)::bigint AS read,
       round(coalesce(sum(b.rejected), 0)::numeric / nullif(sum(b.read), 0), 4) AS rejected_share,
       round(coalesce(sum(b.unchanged), 0)::numeric / nullif(sum(b.read), 0), 4) AS unchanged_share,
       count(b.batch_key) AS batches,
       round(coalesce(sum(b.read), 0) / nullif(extract(epoch FROM coalesce(r.ended_at, max(b.loaded_at)) - r.started_at), 0), 1)
           AS records_per_second
  FROM klartext.run AS r
  LEFT JOIN klartext.batch AS b USING (run_id)
 GROUP BY r.run_id;
COMMENT ON VIEW news.run_health IS 'How each run went, counted from its batches, so also for one that is going on or was killed.';
COMMENT ON COLUMN news.run_health.id IS 'Number of the run.';
COMMENT ON COLUMN news.run_health.kind IS 'What ran.';
COMMENT ON COLUMN news.run_health.started_at IS 'Wall clock at its start.';
COMMENT ON COLUMN news.run_health.state IS 'running, succeeded or failed; a run that was killed stays running.';
COMMENT ON COLUMN news.run_health.duration IS 'From its start to its end, or to its last batch so far.';
COMMENT ON COLUMN news.run_health.read IS 'Records read.';
COMMENT ON COLUMN news.run_health.rejected_share IS 'Share of records that are in quarantine, 0 to 1.';
COMMENT ON COLUMN news.run_health.unchanged_share IS 'Share of records whose text was known, 0 to 1.';
COMMENT ON COLUMN news.run_health.batches IS 'Batches loaded.';
COMMENT ON COLUMN news.run_health.records_per_second IS 'Records a second.';

CREATE VIEW news.daily_volume AS
SELECT (s.published_at AT TIME ZONE 'UTC')::date AS day, s.language, s.site,
       count(*) AS articles, count(*) FILTER (WHERE s.is_canonical) AS canonical,
       sum(c.word_count) AS words
  FROM klartext.settled AS s
  JOIN klartext.capture AS c ON c.article_id = s.article_id AND c.original_sha256 = s.original_sha256
 WHERE s.cluster_id IS NOT NULL
 GROUP BY 1, 2, 3;
COMMENT ON VIEW news.daily_volume IS 'Articles by day of publication (UTC), language and site. A date known to the month or year counts on its first day.';
COMMENT ON COLUMN news.daily_volume.day IS 'Day of publication; NULL without a date.';
COMMENT ON COLUMN news.daily_volume.language IS 'Language.';
COMMENT ON COLUMN news.daily_volume.site IS 'The site''s host.';
COMMENT ON COLUMN news.daily_volume.articles IS 'Articles, copies too.';
COMMENT ON COLUMN news.daily_volume.canonical IS 'Canonical articles.';
COMMENT ON COLUMN news.daily_volume.words IS 'Words of their clean texts.';

CREATE VIEW news.removed_boilerplate AS
SELECT s.site, s.language, r.span ->> 'class' AS class, r.span ->> 'rule' AS rule,
       count(*) AS spans, count(DISTINCT s.article_id) AS articles, sum(char_length(r.span ->> 'text')) AS characters
  FROM klartext.settled AS s
  JOIN klartext.capture AS c ON c.article_id = s.article_id AND c.original_sha256 = s.original_sha256
 CROSS JOIN LATERAL jsonb_array_elements(c.removed) AS r(span)
 WHERE s.cluster_id IS NOT NULL
 GROUP BY 1, 2, 3, 4;
COMMENT ON VIEW news.removed_boilerplate IS 'What was removed, by site, language, class and rule.';
COMMENT ON COLUMN news.removed_boilerplate.site IS 'The site''s host.';
COMMENT ON COLUMN news.removed_boilerplate.language IS 'Language.';
COMMENT ON COLUMN news.removed_boilerplate.class IS 'Class of boilerplate.';
COMMENT ON COLUMN news.removed_boilerplate.rule IS 'The rule.';
COMMENT ON COLUMN news.removed_boilerplate.spans IS 'Removed spans.';
COMMENT ON COLUMN news.removed_boilerplate.articles IS 'Articles with at least one.';
COMMENT ON COLUMN news.removed_boilerplate.characters IS 'Removed characters.';

-- The functions run as the owner, so that people who may only read views can call them; the search path is fixed, so
-- that nobody can put a function of their own in the way.
-- Finding the n-th character means counting from the first, so the text is cut into short segments in one pass, and
-- spans are put back within their segments: the time is linear in the text.
CREATE FUNCTION klartext.restore_text(body text, removed jsonb) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$
    WITH segment AS (
        SELECT s.number - 1 AS number, s.part[1] AS text
          FROM regexp_matches(body, '.{1,200}', 'g') WITH ORDINALITY AS s(part, number)
    ), span AS (
        SELECT r.place, r.span ->> 'text' AS text,
               -- Where the span stands in the clean text: its start less all that was removed before it.
               (r.span ->> 'start')::bigint
                   - coalesce(sum((r.span ->> 'end')::bigint - (r.span ->> 'start')::bigint)
                              OVER (ORDER BY r.place ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS at
          FROM jsonb_array_elements(removed) WITH ORDINALITY AS r(span, place)
    ), placed AS (
        -- A span at the very end stands in the last segment.
        SELECT s.place, s.text, s.at, least((s.at / 200)::bigint, l.last) AS number
          FROM (SELECT place, text, at::bigint AS at FROM span) AS s
         CROSS JOIN (SELECT max(number) AS last FROM segment) AS l
    ), piece AS (
        SELECT g.number, p.place, p.text AS removed, g.text, (p.at - g.number * 200)::integer AS at,
               coalesce(lag((p.at - g.number * 200)::integer) OVER w, 0) AS since,
               row_number() OVER w = count(*) OVER (PARTITION BY g.number) AS is_last
          FROM segment AS g
          LEFT JOIN placed AS p ON p.number = g.number
        WINDOW w AS (PARTITION BY g.number ORDER BY p.place)
    )
    SELECT CASE
        WHEN removed = '[]' THEN body
        ELSE (SELECT string_agg(
                         CASE
                             WHEN place IS NULL THEN text
                             ELSE substr(text, since + 1, at - since) || removed
                                  || CASE WHEN is_last THEN substr(text, at + 1) ELSE '' END
                         END, '' ORDER BY number, place)
                FROM piece)
    END
$$;
COMMENT ON FUNCTION klartext.restore_text(text, jsonb) IS 'The original text: the clean one with the removed spans put back.';

CREATE FUNCTION news.original_text(article_id uuid, version integer DEFAULT NULL) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    SELECT klartext.restore_text(c.text, c.removed)
      FROM klartext.settled AS s
      JOIN klartext.capture AS c USING (article_id)
     WHERE s.article_id = $1 AND s.cluster_id IS NOT NULL
       AND c.original_sha256 = CASE
               WHEN $2 IS NULL THEN s.original_sha256
               ELSE (SELECT v.original_sha256 FROM klartext.version_sighting AS v
                      WHERE v.article_id = $1 AND v.version = $2 AND v.is_first)
           END
$$;
COMMENT ON FUNCTION news.original_text(uuid, integer) IS 'The text of an article (its current version, or the one asked for) before cleaning, to the character.';

CREATE FUNCTION news.tsquery(query text, language text DEFAULT NULL) RETURNS tsquery
LANGUAGE sql IMMUTABLE PARALLEL SAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$ SELECT klartext.search_query($1, $2) $$;
COMMENT ON FUNCTION news.tsquery(text, text) IS 'A query ("a phrase", -without, or) for clean_article.search @@ news.tsquery(query, language); give the language of the articles.';

CREATE FUNCTION news.search(
    query text, language text DEFAULT NULL, since timestamptz DEFAULT NULL, until timestamptz DEFAULT NULL
) RETURNS TABLE (article_id uuid, rank real, headline text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    WITH RECURSIVE present(language) AS (
        -- The languages there are, one index look-up each.
        (SELECT min(d.language) FROM klartext.search_document AS d)
        UNION ALL
        SELECT (SELECT min(d.language) FROM klartext.search_document AS d WHERE d.language > p.language)
          FROM present AS p WHERE p.language IS NOT NULL
    ), wanted(language) AS (
        SELECT p.language FROM present AS p WHERE p.language IS NOT NULL AND search.language IS NULL
        UNION ALL
        SELECT lower(search.language) WHERE search.language IS NOT NULL
    ), parsed AS MATERIALIZED (
        SELECT w.language, klartext.search_query(search.query, w.language) AS words FROM wanted AS w
    ), hit AS MATERIALIZED (
        SELECT d.article_id, p.language, p.words, ts_rank_cd(d.document, p.words, 1) AS rank
          FROM parsed AS p
          JOIN klartext.search_document AS d
            ON d.document @@ (p.words && klartext.search_marker(p.language))
          JOIN klartext.settled AS s ON s.article_id = d.article_id
         WHERE numnode(p.words) > 0
           AND (search.since IS NULL OR s.published_at >= search.since)
           AND (search.until IS NULL OR s.published_at < search.until)
    ), ranked AS (
        SELECT h.*, row_number() OVER (ORDER BY h.rank DESC, h.article_id) AS place FROM hit AS h
    )
    SELECT r.article_id, r.rank,
           CASE WHEN r.place <= 50
                THEN klartext.search_headline(r.language, c.text, search.query, r.words)
                ELSE left(c.text, 160)
           END
      FROM ranked AS r
      JOIN klartext.settled AS s ON s.article_id = r.article_id
      JOIN klartext.capture AS c ON c.article_id = s.article_id AND c.original_sha256 = s.original_sha256
     ORDER BY r.place;
END
$$;
COMMENT ON FUNCTION news.search(text, text, timestamptz, timestamptz) IS 'Canonical articles that answer a query, best first; until is exclusive. The first 50 have a headline with <b> around the words found, the rest begin with their text.';

-- A statement that is opened here is one query, whatever it says: no semicolon leads out of it.
CREATE FUNCTION news.open_query(statement text) RETURNS refcursor
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
    rows refcursor := 'klartext_query';
BEGIN
    OPEN rows NO SCROLL FOR EXECUTE statement;
    RETURN rows;
END
$$;
COMMENT ON FUNCTION news.open_query(text) IS 'Opens one statement as the cursor klartext_query, with the caller''s own rights. What `klartext query` uses.';

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA klartext, news FROM PUBLIC;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA klartext TO klartext_writer;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA news TO klartext_reader, klartext_writer;
GRANT SELECT ON ALL TABLES IN SCHEMA news TO klartext_reader, klartext_writer;
-- Bookkeeping of the migrations themselves is for the owner to write.
REVOKE INSERT, UPDATE, DELETE ON klartext.settle_state FROM klartext_writer;
GRANT UPDATE (search_complete) ON klartext.settle_state TO klartext_writer;
