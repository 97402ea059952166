-- Acquiring: what is known of every URL, when a host may be asked again, and what came of every URL asked for.

CREATE TABLE klartext.fetch_state (
    url_sha256       bytea       NOT NULL PRIMARY KEY CHECK (length(url_sha256) = 32),
    url_key          text        NOT NULL,
    kind             text        NOT NULL CHECK (kind IN ('article', 'feed', 'sitemap')),
    source           text        NOT NULL,
    etag             text,
    last_modified    text,
    content_sha256   bytea       CHECK (length(content_sha256) = 32),
    first_stored_at  timestamptz,
    stored_at        timestamptz,
    stored_url       text,
    asked_at         timestamptz NOT NULL,
    failures         integer     NOT NULL DEFAULT 0 CHECK (failures >= 0),
    last_outcome     text        NOT NULL
);
COMMENT ON TABLE klartext.fetch_state IS 'One row for each URL that was ever asked for: what a conditional request needs, and when to look again.';
COMMENT ON COLUMN klartext.fetch_state.url_sha256 IS 'SHA-256 of url_key; URLs can be longer than an index entry may be.';
COMMENT ON COLUMN klartext.fetch_state.url_key IS 'The normalised URL of an article; of a feed or sitemap its URL.';
COMMENT ON COLUMN klartext.fetch_state.kind IS 'article, feed or sitemap.';
COMMENT ON COLUMN klartext.fetch_state.source IS 'The source that asked for it last.';
COMMENT ON COLUMN klartext.fetch_state.etag IS 'ETag of the last answer, sent back as If-None-Match.';
COMMENT ON COLUMN klartext.fetch_state.last_modified IS 'Last-Modified of the last answer, sent back as it came as If-Modified-Since.';
COMMENT ON COLUMN klartext.fetch_state.content_sha256 IS 'SHA-256 of the last body, its content coding undone.';
COMMENT ON COLUMN klartext.fetch_state.first_stored_at IS 'WARC-Date of the first stored response; the age of an article counts from here.';
COMMENT ON COLUMN klartext.fetch_state.stored_at IS 'WARC-Date of the last stored response.';
COMMENT ON COLUMN klartext.fetch_state.stored_url IS 'WARC-Target-URI of the last stored response.';
COMMENT ON COLUMN klartext.fetch_state.asked_at IS 'When it was asked for last.';
COMMENT ON COLUMN klartext.fetch_state.failures IS 'How often in a row it failed; the pause before the next try grows with it.';
COMMENT ON COLUMN klartext.fetch_state.last_outcome IS 'What came of it; see news.fetch_log.outcome.';

CREATE TABLE klartext.fetch_host (
    host             text        NOT NULL PRIMARY KEY CHECK (host <> ''),
    not_before       timestamptz NOT NULL
);
COMMENT ON TABLE klartext.fetch_host IS 'Politeness across runs. A run that asks a host holds the advisory lock (1802264931, hashtext(host)).';
COMMENT ON COLUMN klartext.fetch_host.host IS 'Host name or address, without port.';
COMMENT ON COLUMN klartext.fetch_host.not_before IS 'The next request may be sent from then on: delay, crawl-delay or Retry-After.';

CREATE TABLE klartext.fetch_site_file (
    url              text        NOT NULL PRIMARY KEY CHECK (url <> ''),
    status           integer     NOT NULL,
    body             bytea       NOT NULL,
    fetched_at       timestamptz NOT NULL
);
COMMENT ON TABLE klartext.fetch_site_file IS 'Copies of robots.txt and tdmrep.json files.';
COMMENT ON COLUMN klartext.fetch_site_file.url IS 'The file''s URL.';
COMMENT ON COLUMN klartext.fetch_site_file.status IS 'HTTP status: 200, or 4xx when there is none.';
COMMENT ON COLUMN klartext.fetch_site_file.body IS 'Its first 500 KiB.';
COMMENT ON COLUMN klartext.fetch_site_file.fetched_at IS 'When it was had; it is asked for again after a day.';

CREATE TABLE klartext.fetch_listing (
    url_sha256       bytea       NOT NULL PRIMARY KEY CHECK (length(url_sha256) = 32),
    body             bytea       NOT NULL
);
COMMENT ON TABLE klartext.fetch_listing IS 'The last feed or sitemap that was had: when the server says that it is unchanged, what it lists is still looked after.';
COMMENT ON COLUMN klartext.fetch_listing.url_sha256 IS 'SHA-256 of its URL''s key, as in klartext.fetch_state.';
COMMENT ON COLUMN klartext.fetch_listing.body IS 'Its body, compressed with zlib.';

CREATE TABLE klartext.fetch_source (
    name             text        NOT NULL PRIMARY KEY CHECK (name <> ''),
    asked_at         timestamptz NOT NULL,
    next_due         timestamptz NOT NULL,
    interval_seconds double precision NOT NULL CHECK (interval_seconds >= 0),
    failures         integer     NOT NULL DEFAULT 0 CHECK (failures >= 0),
    last_error       text,
    found            integer     NOT NULL DEFAULT 0,
    stored           integer     NOT NULL DEFAULT 0
);
COMMENT ON TABLE klartext.fetch_source IS 'How each source of sources.toml is doing, and when a scheduled run looks at it again.';
COMMENT ON COLUMN klartext.fetch_source.name IS 'The source''s name.';
COMMENT ON COLUMN klartext.fetch_source.asked_at IS 'When it was looked at last.';
COMMENT ON COLUMN klartext.fetch_source.next_due IS 'When a scheduled run looks at it again.';
COMMENT ON COLUMN klartext.fetch_source.interval_seconds IS 'The pause between two looks: grows while nothing new comes, falls back when something does.';
COMMENT ON COLUMN klartext.fetch_source.failures IS 'How often in a row its feed or sitemap failed.';
COMMENT ON COLUMN klartext.fetch_source.last_error IS 'What was wrong at the last look; NULL when nothing was.';
COMMENT ON COLUMN klartext.fetch_source.found IS 'Article URLs that the last look found.';
COMMENT ON COLUMN klartext.fetch_source.stored IS 'Pages that the last look stored.';

CREATE TABLE klartext.fetch_position (
    source           text        NOT NULL CHECK (source <> ''),
    path             text        NOT NULL CHECK (path <> ''),
    position         bigint      NOT NULL CHECK (position >= -1),
    PRIMARY KEY (source, path)
);
COMMENT ON TABLE klartext.fetch_position IS 'How far each file of an archive (Common Crawl''s CC-NEWS) was read.';
COMMENT ON COLUMN klartext.fetch_position.source IS 'The source''s name.';
COMMENT ON COLUMN klartext.fetch_position.path IS 'Path of the WARC file in the archive.';
COMMENT ON COLUMN klartext.fetch_position.position IS 'Bytes that are done; -1 when the whole file is.';

CREATE TABLE klartext.fetch_log (
    fetch_id         bigint      NOT NULL GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    url              text        NOT NULL,
    source           text        NOT NULL,
    kind             text        NOT NULL CHECK (kind IN ('article', 'feed', 'sitemap')),
    at               timestamptz NOT NULL,
    outcome          text        NOT NULL,
    detail           text,
    status           integer,
    bytes            bigint,
    origin           text
);
CREATE INDEX fetch_log_at ON klartext.fetch_log USING brin (at);
CREATE INDEX fetch_log_url ON klartext.fetch_log USING hash (url);
COMMENT ON TABLE klartext.fetch_log IS 'One row for each article URL asked for, and for each feed or sitemap that failed. Articles that aren''t due yet are left out.';
COMMENT ON COLUMN klartext.fetch_log.fetch_id IS 'Number of the row, ascending.';
COMMENT ON COLUMN klartext.fetch_log.url IS 'The URL asked for, without credentials.';
COMMENT ON COLUMN klartext.fetch_log.source IS 'The source it came from.';
COMMENT ON COLUMN klartext.fetch_log.kind IS 'article, feed or sitemap.';
COMMENT ON COLUMN klartext.fetch_log.at IS 'When.';
COMMENT ON COLUMN klartext.fetch_log.outcome IS 'stored, not_modified, duplicate, robots_denied, excluded, deferred, or what failed.';
COMMENT ON COLUMN klartext.fetch_log.detail IS 'The same in a sentence.';
COMMENT ON COLUMN klartext.fetch_log.status IS 'HTTP status, where an answer came.';
COMMENT ON COLUMN klartext.fetch_log.bytes IS 'Bytes of the body that came over the wire.';
COMMENT ON COLUMN klartext.fetch_log.origin IS 'Where the stored response lies: path#offset.';

CREATE VIEW news.fetch_log AS
SELECT url, source, kind, at, outcome, detail, status, bytes, origin
FROM klartext.fetch_log;
COMMENT ON VIEW news.fetch_log IS 'What came of every article URL asked for, and of every feed or sitemap that failed.';
COMMENT ON COLUMN news.fetch_log.url IS 'The URL asked for, without credentials.';
COMMENT ON COLUMN news.fetch_log.source IS 'The source it came from.';
COMMENT ON COLUMN news.fetch_log.kind IS 'article, feed or sitemap.';
COMMENT ON COLUMN news.fetch_log.at IS 'When.';
COMMENT ON COLUMN news.fetch_log.outcome IS 'stored, not_modified, duplicate, robots_denied, excluded, deferred, or what failed.';
COMMENT ON COLUMN news.fetch_log.detail IS 'The same in a sentence.';
COMMENT ON COLUMN news.fetch_log.status IS 'HTTP status, where an answer came.';
COMMENT ON COLUMN news.fetch_log.bytes IS 'Bytes of the body that came over the wire.';
COMMENT ON COLUMN news.fetch_log.origin IS 'The capture''s origin: where the stored response lies, as path#offset.';

GRANT SELECT ON news.fetch_log TO klartext_reader, klartext_writer;
GRANT SELECT, INSERT, UPDATE, DELETE ON klartext.fetch_state, klartext.fetch_host, klartext.fetch_site_file,
    klartext.fetch_listing, klartext.fetch_source, klartext.fetch_position, klartext.fetch_log TO klartext_writer;
