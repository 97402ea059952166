-- The schema as all migrations together make it, for reading and searching. Nothing runs this file.
-- Written by `python -m tests.schema_dump`; a test compares it with what the migrations give.


-- Name: klartext (SCHEMA)

CREATE SCHEMA klartext;

-- Name: SCHEMA klartext (COMMENT)

COMMENT ON SCHEMA klartext IS 'Klartext''s tables; they may change with any migration. Query the schema news instead.';

-- Name: news (SCHEMA)

CREATE SCHEMA news;

-- Name: SCHEMA news (COMMENT)

COMMENT ON SCHEMA news IS 'The public interface: views and functions that keep their names and columns.';

-- Name: restore_text(text, jsonb) (FUNCTION)

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

-- Name: FUNCTION restore_text(body text, removed jsonb) (COMMENT)

COMMENT ON FUNCTION klartext.restore_text(body text, removed jsonb) IS 'The original text: the clean one with the removed spans put back.';

-- Name: search_configuration(text) (FUNCTION)

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

-- Name: FUNCTION search_configuration(language text) (COMMENT)

COMMENT ON FUNCTION klartext.search_configuration(language text) IS 'The text search configuration of a language; simple where PostgreSQL has none.';

-- Name: search_document(text, text, text) (FUNCTION)

CREATE FUNCTION klartext.search_document(language text, title text, body text) RETURNS tsvector
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$
    SELECT setweight(klartext.search_words(language, coalesce(left(title, 2000), '')), 'A')
        || setweight(klartext.search_words(language, body), 'D')
        || array_to_tsvector(ARRAY[chr(57344) || language])
$$;

-- Name: FUNCTION search_document(language text, title text, body text) (COMMENT)

COMMENT ON FUNCTION klartext.search_document(language text, title text, body text) IS 'What is searched of an article.';

-- Name: search_fold(text) (FUNCTION)

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

-- Name: FUNCTION search_fold(value text) (COMMENT)

COMMENT ON FUNCTION klartext.search_fold(value text) IS 'Text without accents, soft hyphens and zero-width characters, for search.';

-- Name: search_has_pairs(text) (FUNCTION)

CREATE FUNCTION klartext.search_has_pairs(value text) RETURNS boolean
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$
    SELECT value ~ '[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3041-\u30ff\u31f0-\u31ff\u3400-\u9fff\uac00-\ud7a3\uf900-\ufaff\U00020000-\U0003ffff]'
$$;

-- Name: FUNCTION search_has_pairs(value text) (COMMENT)

COMMENT ON FUNCTION klartext.search_has_pairs(value text) IS 'Whether a text holds Chinese, Japanese, Korean, Thai, Lao, Burmese or Khmer characters, which are searched in pairs.';

-- Name: search_headline(text, text, text, tsquery) (FUNCTION)

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

-- Name: FUNCTION search_headline(language text, body text, query text, parsed tsquery) (COMMENT)

COMMENT ON FUNCTION klartext.search_headline(language text, body text, query text, parsed tsquery) IS 'The part of a text that answers a query, with <b> around the words found.';

-- Name: search_marker(text) (FUNCTION)

CREATE FUNCTION klartext.search_marker(language text) RETURNS tsquery
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$ SELECT ('''' || chr(57344) || coalesce(language, '') || '''')::tsquery $$;

-- Name: FUNCTION search_marker(language text) (COMMENT)

COMMENT ON FUNCTION klartext.search_marker(language text) IS 'The lexeme that names a language: a private-use character, so no text has it.';

-- Name: search_pairs(text) (FUNCTION)

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

-- Name: FUNCTION search_pairs(value text) (COMMENT)

COMMENT ON FUNCTION klartext.search_pairs(value text) IS 'Overlapping pairs of the characters of scripts written without spaces.';

-- Name: search_query(text, text) (FUNCTION)

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

-- Name: FUNCTION search_query(query text, language text) (COMMENT)

COMMENT ON FUNCTION klartext.search_query(query text, language text) IS 'A web-search query as a tsquery in a language.';

-- Name: search_without_pairs(text) (FUNCTION)

CREATE FUNCTION klartext.search_without_pairs(value text) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$
    SELECT regexp_replace(value, '[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3041-\u30ff\u31f0-\u31ff\u3400-\u9fff\uac00-\ud7a3\uf900-\ufaff\U00020000-\U0003ffff]+', ' ', 'g')
$$;

-- Name: FUNCTION search_without_pairs(value text) (COMMENT)

COMMENT ON FUNCTION klartext.search_without_pairs(value text) IS 'A text without the characters that are searched in pairs.';

-- Name: search_words(text, text) (FUNCTION)

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

-- Name: FUNCTION search_words(language text, value text) (COMMENT)

COMMENT ON FUNCTION klartext.search_words(language text, value text) IS 'A text as a tsvector in its language; very long texts are searched by their first 100,000 characters (40,000 in pairs).';

-- Name: open_query(text) (FUNCTION)

CREATE FUNCTION news.open_query(statement text) RETURNS refcursor
    LANGUAGE plpgsql
    AS $$
DECLARE
    rows refcursor := 'klartext_query';
BEGIN
    OPEN rows NO SCROLL FOR EXECUTE statement;
    RETURN rows;
END
$$;

-- Name: FUNCTION open_query(statement text) (COMMENT)

COMMENT ON FUNCTION news.open_query(statement text) IS 'Opens one statement as the cursor klartext_query, with the caller''s own rights. What `klartext query` uses.';

-- Name: original_text(uuid, integer) (FUNCTION)

CREATE FUNCTION news.original_text(article_id uuid, version integer DEFAULT NULL::integer) RETURNS text
    LANGUAGE sql STABLE SECURITY DEFINER PARALLEL SAFE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
    SELECT klartext.restore_text(c.text, c.removed)
      FROM klartext.settled AS s
      JOIN klartext.capture AS c USING (article_id)
     WHERE s.article_id = $1 AND s.cluster_id IS NOT NULL
       AND c.original_sha256 = CASE
               WHEN $2 IS NULL THEN s.original_sha256
               ELSE (SELECT v.original_sha256 FROM klartext.version_sighting AS v
                      WHERE v.article_id = $1 AND v.version = $2 AND v.is_first)
           END
$_$;

-- Name: FUNCTION original_text(article_id uuid, version integer) (COMMENT)

COMMENT ON FUNCTION news.original_text(article_id uuid, version integer) IS 'The text of an article (its current version, or the one asked for) before cleaning, to the character.';

-- Name: search(text, text, timestamp with time zone, timestamp with time zone) (FUNCTION)

CREATE FUNCTION news.search(query text, language text DEFAULT NULL::text, since timestamp with time zone DEFAULT NULL::timestamp with time zone, until timestamp with time zone DEFAULT NULL::timestamp with time zone) RETURNS TABLE(article_id uuid, rank real, headline text)
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
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

-- Name: FUNCTION search(query text, language text, since timestamp with time zone, until timestamp with time zone) (COMMENT)

COMMENT ON FUNCTION news.search(query text, language text, since timestamp with time zone, until timestamp with time zone) IS 'Canonical articles that answer a query, best first; until is exclusive. The first 50 have a headline with <b> around the words found, the rest begin with their text.';

-- Name: tsquery(text, text) (FUNCTION)

CREATE FUNCTION news.tsquery(query text, language text DEFAULT NULL::text) RETURNS tsquery
    LANGUAGE sql IMMUTABLE SECURITY DEFINER PARALLEL SAFE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$ SELECT klartext.search_query($1, $2) $_$;

-- Name: FUNCTION tsquery(query text, language text) (COMMENT)

COMMENT ON FUNCTION news.tsquery(query text, language text) IS 'A query ("a phrase", -without, or) for clean_article.search @@ news.tsquery(query, language); give the language of the articles.';

-- Name: article (TABLE)

CREATE TABLE klartext.article (
    article_id uuid NOT NULL,
    identity text NOT NULL,
    url_key text,
    url_key_version smallint NOT NULL,
    CONSTRAINT article_check CHECK (((identity = 'url'::text) = (url_key IS NOT NULL))),
    CONSTRAINT article_identity_check CHECK ((identity = ANY (ARRAY['url'::text, 'text'::text, 'payload'::text])))
);

-- Name: TABLE article (COMMENT)

COMMENT ON TABLE klartext.article IS 'What a URL key, or a text without URL, stands for. Written once by loaders; what settle knows of it is in settled.';

-- Name: COLUMN article.article_id (COMMENT)

COMMENT ON COLUMN klartext.article.article_id IS 'UUID version 8 of the first 128 bits of SHA-256 over the identity.';

-- Name: COLUMN article.identity (COMMENT)

COMMENT ON COLUMN klartext.article.identity IS 'What the id is made of: url (the URL key), text or payload (source name and content).';

-- Name: COLUMN article.url_key (COMMENT)

COMMENT ON COLUMN klartext.article.url_key IS 'The normalised URL; NULL without a URL.';

-- Name: COLUMN article.url_key_version (COMMENT)

COMMENT ON COLUMN klartext.article.url_key_version IS 'Version of the normalisation.';

-- Name: batch (TABLE)

CREATE TABLE klartext.batch (
    run_id bigint NOT NULL,
    batch_key text NOT NULL,
    read integer DEFAULT 0 NOT NULL,
    inserted integer DEFAULT 0 NOT NULL,
    updated integer DEFAULT 0 NOT NULL,
    unchanged integer DEFAULT 0 NOT NULL,
    rejected integer DEFAULT 0 NOT NULL,
    loaded_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT batch_check CHECK ((read = (((inserted + updated) + unchanged) + rejected)))
);

-- Name: TABLE batch (COMMENT)

COMMENT ON TABLE klartext.batch IS 'One row for each batch that was loaded, written in the batch''s own transaction.';

-- Name: COLUMN batch.run_id (COMMENT)

COMMENT ON COLUMN klartext.batch.run_id IS 'The run it belongs to.';

-- Name: COLUMN batch.batch_key (COMMENT)

COMMENT ON COLUMN klartext.batch.batch_key IS 'Its name within the run, made of its content; a retry has the same.';

-- Name: COLUMN batch.read (COMMENT)

COMMENT ON COLUMN klartext.batch.read IS 'Records in it.';

-- Name: COLUMN batch.inserted (COMMENT)

COMMENT ON COLUMN klartext.batch.inserted IS 'Records that brought a new article.';

-- Name: COLUMN batch.updated (COMMENT)

COMMENT ON COLUMN klartext.batch.updated IS 'Records that brought a known article a new clean text.';

-- Name: COLUMN batch.unchanged (COMMENT)

COMMENT ON COLUMN klartext.batch.unchanged IS 'Records whose clean text was known.';

-- Name: COLUMN batch.rejected (COMMENT)

COMMENT ON COLUMN klartext.batch.rejected IS 'Records that are in quarantine.';

-- Name: COLUMN batch.loaded_at (COMMENT)

COMMENT ON COLUMN klartext.batch.loaded_at IS 'Wall clock at the start of its transaction.';

-- Name: capture (TABLE)

CREATE TABLE klartext.capture (
    article_id uuid NOT NULL,
    original_sha256 bytea NOT NULL,
    capture_sha256 bytea NOT NULL,
    text_sha256 bytea NOT NULL,
    rules_version text NOT NULL,
    language text NOT NULL,
    language_confidence double precision NOT NULL,
    word_count integer NOT NULL,
    text text NOT NULL,
    removed jsonb DEFAULT '[]'::jsonb NOT NULL,
    blocks jsonb,
    CONSTRAINT capture_blocks_check CHECK ((jsonb_typeof(blocks) = 'array'::text)),
    CONSTRAINT capture_language_check CHECK ((language ~ '^[a-z]{2,3}$'::text)),
    CONSTRAINT capture_language_confidence_check CHECK (((language_confidence >= (0)::double precision) AND (language_confidence <= (1)::double precision))),
    CONSTRAINT capture_removed_check CHECK ((jsonb_typeof(removed) = 'array'::text)),
    CONSTRAINT capture_text_check CHECK ((text <> ''::text)),
    CONSTRAINT capture_word_count_check CHECK ((word_count >= 0))
);

-- Name: TABLE capture (COMMENT)

COMMENT ON TABLE klartext.capture IS 'One row for each article and distinct extracted text: the clean text and what was removed. The original is both together.';

-- Name: COLUMN capture.article_id (COMMENT)

COMMENT ON COLUMN klartext.capture.article_id IS 'The article.';

-- Name: COLUMN capture.original_sha256 (COMMENT)

COMMENT ON COLUMN klartext.capture.original_sha256 IS 'SHA-256 of the extracted text, before cleaning.';

-- Name: COLUMN capture.capture_sha256 (COMMENT)

COMMENT ON COLUMN klartext.capture.capture_sha256 IS 'SHA-256 over everything else here. Where one text came with different markup, the greatest is kept.';

-- Name: COLUMN capture.text_sha256 (COMMENT)

COMMENT ON COLUMN klartext.capture.text_sha256 IS 'SHA-256 of the clean text.';

-- Name: COLUMN capture.rules_version (COMMENT)

COMMENT ON COLUMN klartext.capture.rules_version IS 'Version of the rules that cleaned it.';

-- Name: COLUMN capture.language (COMMENT)

COMMENT ON COLUMN klartext.capture.language IS 'ISO 639-1 code, und when unsure.';

-- Name: COLUMN capture.language_confidence (COMMENT)

COMMENT ON COLUMN klartext.capture.language_confidence IS 'Confidence in the language, 0 to 1.';

-- Name: COLUMN capture.word_count (COMMENT)

COMMENT ON COLUMN klartext.capture.word_count IS 'Words of the clean text.';

-- Name: COLUMN capture.text (COMMENT)

COMMENT ON COLUMN klartext.capture.text IS 'The clean text.';

-- Name: COLUMN capture.removed (COMMENT)

COMMENT ON COLUMN klartext.capture.removed IS 'Removed spans, sorted and disjoint: start, end (code points of the extracted text), class, rule, text, evidence.';

-- Name: COLUMN capture.blocks (COMMENT)

COMMENT ON COLUMN klartext.capture.blocks IS 'What extraction knew of each block: [start, end, tag, share of link text, classes]; NULL for given text, whose lines they are.';

-- Name: fetch_claim (TABLE)

CREATE UNLOGGED TABLE klartext.fetch_claim (
    url_sha256 bytea NOT NULL,
    run integer NOT NULL,
    CONSTRAINT fetch_claim_url_sha256_check CHECK ((length(url_sha256) = 32))
);

-- Name: TABLE fetch_claim (COMMENT)

COMMENT ON TABLE klartext.fetch_claim IS 'URLs that a run asks for at this moment. Taken before the request, given back in the transaction that keeps what came of it.';

-- Name: COLUMN fetch_claim.url_sha256 (COMMENT)

COMMENT ON COLUMN klartext.fetch_claim.url_sha256 IS 'SHA-256 of the URL''s key, as in klartext.fetch_state.';

-- Name: COLUMN fetch_claim.run (COMMENT)

COMMENT ON COLUMN klartext.fetch_claim.run IS 'The run. When it was killed its files are taken over before anybody else may have the URL.';

-- Name: fetch_host (TABLE)

CREATE TABLE klartext.fetch_host (
    host text NOT NULL,
    not_before timestamp with time zone NOT NULL,
    CONSTRAINT fetch_host_host_check CHECK ((host <> ''::text))
);

-- Name: TABLE fetch_host (COMMENT)

COMMENT ON TABLE klartext.fetch_host IS 'Politeness across runs. A run that asks a host holds the advisory lock (1802264931, hashtext(host)).';

-- Name: COLUMN fetch_host.host (COMMENT)

COMMENT ON COLUMN klartext.fetch_host.host IS 'Host name or address, without port.';

-- Name: COLUMN fetch_host.not_before (COMMENT)

COMMENT ON COLUMN klartext.fetch_host.not_before IS 'The next request may be sent from then on: delay, crawl-delay or Retry-After.';

-- Name: fetch_listing (TABLE)

CREATE TABLE klartext.fetch_listing (
    url_sha256 bytea NOT NULL,
    body bytea NOT NULL,
    CONSTRAINT fetch_listing_url_sha256_check CHECK ((length(url_sha256) = 32))
);

-- Name: TABLE fetch_listing (COMMENT)

COMMENT ON TABLE klartext.fetch_listing IS 'The last feed or sitemap that was had: when the server says that it is unchanged, what it lists is still looked after.';

-- Name: COLUMN fetch_listing.url_sha256 (COMMENT)

COMMENT ON COLUMN klartext.fetch_listing.url_sha256 IS 'SHA-256 of its URL''s key, as in klartext.fetch_state.';

-- Name: COLUMN fetch_listing.body (COMMENT)

COMMENT ON COLUMN klartext.fetch_listing.body IS 'Its body, compressed with zlib.';

-- Name: fetch_log (TABLE)

CREATE TABLE klartext.fetch_log (
    fetch_id bigint NOT NULL,
    url text NOT NULL,
    source text NOT NULL,
    kind text NOT NULL,
    at timestamp with time zone NOT NULL,
    outcome text NOT NULL,
    detail text,
    status integer,
    bytes bigint,
    origin text,
    CONSTRAINT fetch_log_kind_check CHECK ((kind = ANY (ARRAY['article'::text, 'feed'::text, 'sitemap'::text])))
);

-- Name: TABLE fetch_log (COMMENT)

COMMENT ON TABLE klartext.fetch_log IS 'One row for each article URL asked for, and for each feed or sitemap that failed. Articles that aren''t due yet are left out.';

-- Name: COLUMN fetch_log.fetch_id (COMMENT)

COMMENT ON COLUMN klartext.fetch_log.fetch_id IS 'Number of the row, ascending.';

-- Name: COLUMN fetch_log.url (COMMENT)

COMMENT ON COLUMN klartext.fetch_log.url IS 'The URL asked for, without credentials.';

-- Name: COLUMN fetch_log.source (COMMENT)

COMMENT ON COLUMN klartext.fetch_log.source IS 'The source it came from.';

-- Name: COLUMN fetch_log.kind (COMMENT)

COMMENT ON COLUMN klartext.fetch_log.kind IS 'article, feed or sitemap.';

-- Name: COLUMN fetch_log.at (COMMENT)

COMMENT ON COLUMN klartext.fetch_log.at IS 'When.';

-- Name: COLUMN fetch_log.outcome (COMMENT)

COMMENT ON COLUMN klartext.fetch_log.outcome IS 'stored, not_modified, duplicate, robots_denied, excluded, deferred, or what failed.';

-- Name: COLUMN fetch_log.detail (COMMENT)

COMMENT ON COLUMN klartext.fetch_log.detail IS 'The same in a sentence.';

-- Name: COLUMN fetch_log.status (COMMENT)

COMMENT ON COLUMN klartext.fetch_log.status IS 'HTTP status, where an answer came.';

-- Name: COLUMN fetch_log.bytes (COMMENT)

COMMENT ON COLUMN klartext.fetch_log.bytes IS 'Bytes of the body that came over the wire.';

-- Name: COLUMN fetch_log.origin (COMMENT)

COMMENT ON COLUMN klartext.fetch_log.origin IS 'Where the stored response lies: path#offset.';

-- Name: fetch_log_fetch_id_seq (SEQUENCE)

ALTER TABLE klartext.fetch_log ALTER COLUMN fetch_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME klartext.fetch_log_fetch_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

-- Name: fetch_position (TABLE)

CREATE TABLE klartext.fetch_position (
    source text NOT NULL,
    path text NOT NULL,
    "position" bigint NOT NULL,
    CONSTRAINT fetch_position_path_check CHECK ((path <> ''::text)),
    CONSTRAINT fetch_position_position_check CHECK (("position" >= '-1'::integer)),
    CONSTRAINT fetch_position_source_check CHECK ((source <> ''::text))
);

-- Name: TABLE fetch_position (COMMENT)

COMMENT ON TABLE klartext.fetch_position IS 'How far each file of an archive (Common Crawl''s CC-NEWS) was read.';

-- Name: COLUMN fetch_position.source (COMMENT)

COMMENT ON COLUMN klartext.fetch_position.source IS 'The source''s name.';

-- Name: COLUMN fetch_position.path (COMMENT)

COMMENT ON COLUMN klartext.fetch_position.path IS 'Path of the WARC file in the archive.';

-- Name: COLUMN fetch_position."position" (COMMENT)

COMMENT ON COLUMN klartext.fetch_position."position" IS 'Bytes that are done; -1 when the whole file is.';

-- Name: fetch_run (TABLE)

CREATE TABLE klartext.fetch_run (
    run integer NOT NULL,
    started_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL
);

-- Name: TABLE fetch_run (COMMENT)

COMMENT ON TABLE klartext.fetch_run IS 'Runs of acquiring that haven''t come to their end. A run that goes on holds the advisory lock (1802264932, run); one that doesn''t was killed.';

-- Name: COLUMN fetch_run.run (COMMENT)

COMMENT ON COLUMN klartext.fetch_run.run IS 'Number of the run, ascending.';

-- Name: COLUMN fetch_run.started_at (COMMENT)

COMMENT ON COLUMN klartext.fetch_run.started_at IS 'When it began.';

-- Name: fetch_run_run_seq (SEQUENCE)

ALTER TABLE klartext.fetch_run ALTER COLUMN run ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME klartext.fetch_run_run_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

-- Name: fetch_site_file (TABLE)

CREATE TABLE klartext.fetch_site_file (
    url text NOT NULL,
    status integer NOT NULL,
    body bytea NOT NULL,
    fetched_at timestamp with time zone NOT NULL,
    CONSTRAINT fetch_site_file_url_check CHECK ((url <> ''::text))
);

-- Name: TABLE fetch_site_file (COMMENT)

COMMENT ON TABLE klartext.fetch_site_file IS 'Copies of robots.txt and tdmrep.json files.';

-- Name: COLUMN fetch_site_file.url (COMMENT)

COMMENT ON COLUMN klartext.fetch_site_file.url IS 'The file''s URL.';

-- Name: COLUMN fetch_site_file.status (COMMENT)

COMMENT ON COLUMN klartext.fetch_site_file.status IS 'HTTP status: 200, or 4xx when there is none.';

-- Name: COLUMN fetch_site_file.body (COMMENT)

COMMENT ON COLUMN klartext.fetch_site_file.body IS 'Its first 500 KiB.';

-- Name: COLUMN fetch_site_file.fetched_at (COMMENT)

COMMENT ON COLUMN klartext.fetch_site_file.fetched_at IS 'When it was had; it is asked for again after a day.';

-- Name: fetch_source (TABLE)

CREATE TABLE klartext.fetch_source (
    name text NOT NULL,
    asked_at timestamp with time zone NOT NULL,
    next_due timestamp with time zone NOT NULL,
    interval_seconds double precision NOT NULL,
    failures integer DEFAULT 0 NOT NULL,
    last_error text,
    found integer DEFAULT 0 NOT NULL,
    stored integer DEFAULT 0 NOT NULL,
    CONSTRAINT fetch_source_failures_check CHECK ((failures >= 0)),
    CONSTRAINT fetch_source_interval_seconds_check CHECK ((interval_seconds >= (0)::double precision)),
    CONSTRAINT fetch_source_name_check CHECK ((name <> ''::text))
);

-- Name: TABLE fetch_source (COMMENT)

COMMENT ON TABLE klartext.fetch_source IS 'How each source of sources.toml is doing, and when a scheduled run looks at it again.';

-- Name: COLUMN fetch_source.name (COMMENT)

COMMENT ON COLUMN klartext.fetch_source.name IS 'The source''s name.';

-- Name: COLUMN fetch_source.asked_at (COMMENT)

COMMENT ON COLUMN klartext.fetch_source.asked_at IS 'When it was looked at last.';

-- Name: COLUMN fetch_source.next_due (COMMENT)

COMMENT ON COLUMN klartext.fetch_source.next_due IS 'When a scheduled run looks at it again.';

-- Name: COLUMN fetch_source.interval_seconds (COMMENT)

COMMENT ON COLUMN klartext.fetch_source.interval_seconds IS 'The pause between two looks: grows while nothing new comes, falls back when something does.';

-- Name: COLUMN fetch_source.failures (COMMENT)

COMMENT ON COLUMN klartext.fetch_source.failures IS 'How often in a row its feed or sitemap failed.';

-- Name: COLUMN fetch_source.last_error (COMMENT)

COMMENT ON COLUMN klartext.fetch_source.last_error IS 'What was wrong at the last look; NULL when nothing was.';

-- Name: COLUMN fetch_source.found (COMMENT)

COMMENT ON COLUMN klartext.fetch_source.found IS 'Article URLs that the last look found.';

-- Name: COLUMN fetch_source.stored (COMMENT)

COMMENT ON COLUMN klartext.fetch_source.stored IS 'Pages that the last look stored.';

-- Name: fetch_state (TABLE)

CREATE TABLE klartext.fetch_state (
    url_sha256 bytea NOT NULL,
    url_key text NOT NULL,
    kind text NOT NULL,
    source text NOT NULL,
    etag text,
    last_modified text,
    content_sha256 bytea,
    first_stored_at timestamp with time zone,
    stored_at timestamp with time zone,
    stored_url text,
    asked_at timestamp with time zone NOT NULL,
    failures integer DEFAULT 0 NOT NULL,
    last_outcome text NOT NULL,
    asked_run integer,
    CONSTRAINT fetch_state_content_sha256_check CHECK ((length(content_sha256) = 32)),
    CONSTRAINT fetch_state_failures_check CHECK ((failures >= 0)),
    CONSTRAINT fetch_state_kind_check CHECK ((kind = ANY (ARRAY['article'::text, 'feed'::text, 'sitemap'::text]))),
    CONSTRAINT fetch_state_url_sha256_check CHECK ((length(url_sha256) = 32))
);

-- Name: TABLE fetch_state (COMMENT)

COMMENT ON TABLE klartext.fetch_state IS 'One row for each URL that was ever asked for: what a conditional request needs, and when to look again.';

-- Name: COLUMN fetch_state.url_sha256 (COMMENT)

COMMENT ON COLUMN klartext.fetch_state.url_sha256 IS 'SHA-256 of url_key; URLs can be longer than an index entry may be.';

-- Name: COLUMN fetch_state.url_key (COMMENT)

COMMENT ON COLUMN klartext.fetch_state.url_key IS 'The normalised URL of an article; of a feed or sitemap its URL.';

-- Name: COLUMN fetch_state.kind (COMMENT)

COMMENT ON COLUMN klartext.fetch_state.kind IS 'article, feed or sitemap.';

-- Name: COLUMN fetch_state.source (COMMENT)

COMMENT ON COLUMN klartext.fetch_state.source IS 'The source that asked for it last.';

-- Name: COLUMN fetch_state.etag (COMMENT)

COMMENT ON COLUMN klartext.fetch_state.etag IS 'ETag of the last answer, sent back as If-None-Match.';

-- Name: COLUMN fetch_state.last_modified (COMMENT)

COMMENT ON COLUMN klartext.fetch_state.last_modified IS 'Last-Modified of the last answer, sent back as it came as If-Modified-Since.';

-- Name: COLUMN fetch_state.content_sha256 (COMMENT)

COMMENT ON COLUMN klartext.fetch_state.content_sha256 IS 'SHA-256 of the last body, its content coding undone.';

-- Name: COLUMN fetch_state.first_stored_at (COMMENT)

COMMENT ON COLUMN klartext.fetch_state.first_stored_at IS 'WARC-Date of the first stored response; the age of an article counts from here.';

-- Name: COLUMN fetch_state.stored_at (COMMENT)

COMMENT ON COLUMN klartext.fetch_state.stored_at IS 'WARC-Date of the last stored response.';

-- Name: COLUMN fetch_state.stored_url (COMMENT)

COMMENT ON COLUMN klartext.fetch_state.stored_url IS 'WARC-Target-URI of the last stored response.';

-- Name: COLUMN fetch_state.asked_at (COMMENT)

COMMENT ON COLUMN klartext.fetch_state.asked_at IS 'When it was asked for last.';

-- Name: COLUMN fetch_state.failures (COMMENT)

COMMENT ON COLUMN klartext.fetch_state.failures IS 'How often in a row it failed; the pause before the next try grows with it.';

-- Name: COLUMN fetch_state.last_outcome (COMMENT)

COMMENT ON COLUMN klartext.fetch_state.last_outcome IS 'What came of it; see news.fetch_log.outcome.';

-- Name: COLUMN fetch_state.asked_run (COMMENT)

COMMENT ON COLUMN klartext.fetch_state.asked_run IS 'The run of acquiring that asked for it last.';

-- Name: fingerprint (TABLE)

CREATE TABLE klartext.fingerprint (
    text_sha256 bytea NOT NULL,
    algorithm smallint NOT NULL,
    signature bytea NOT NULL
);

-- Name: TABLE fingerprint (COMMENT)

COMMENT ON TABLE klartext.fingerprint IS 'Signatures of clean texts for finding near-duplicates. Empty until that step exists.';

-- Name: COLUMN fingerprint.text_sha256 (COMMENT)

COMMENT ON COLUMN klartext.fingerprint.text_sha256 IS 'SHA-256 of the clean text.';

-- Name: COLUMN fingerprint.algorithm (COMMENT)

COMMENT ON COLUMN klartext.fingerprint.algorithm IS 'Version of the algorithm that made the signature.';

-- Name: COLUMN fingerprint.signature (COMMENT)

COMMENT ON COLUMN klartext.fingerprint.signature IS 'The signature.';

-- Name: migration (TABLE)

CREATE TABLE klartext.migration (
    migration_hash character varying(64) NOT NULL,
    migration_id character varying(255),
    applied_at_utc timestamp without time zone
);

-- Name: TABLE migration (COMMENT)

COMMENT ON TABLE klartext.migration IS 'Applied migrations.';

-- Name: COLUMN migration.migration_hash (COMMENT)

COMMENT ON COLUMN klartext.migration.migration_hash IS 'SHA-256 of the migration''s name.';

-- Name: COLUMN migration.migration_id (COMMENT)

COMMENT ON COLUMN klartext.migration.migration_id IS 'The migration''s name: its file without .sql.';

-- Name: COLUMN migration.applied_at_utc (COMMENT)

COMMENT ON COLUMN klartext.migration.applied_at_utc IS 'When it was applied.';

-- Name: migration_log (TABLE)

CREATE TABLE klartext.migration_log (
    id character varying(36) NOT NULL,
    migration_hash character varying(64),
    migration_id character varying(255),
    operation character varying(10),
    username character varying(255),
    hostname character varying(255),
    comment character varying(255),
    created_at_utc timestamp without time zone
);

-- Name: TABLE migration_log (COMMENT)

COMMENT ON TABLE klartext.migration_log IS 'What was done to migrations, and by whom.';

-- Name: COLUMN migration_log.id (COMMENT)

COMMENT ON COLUMN klartext.migration_log.id IS 'Random id of the entry.';

-- Name: COLUMN migration_log.migration_hash (COMMENT)

COMMENT ON COLUMN klartext.migration_log.migration_hash IS 'SHA-256 of the migration''s name.';

-- Name: COLUMN migration_log.migration_id (COMMENT)

COMMENT ON COLUMN klartext.migration_log.migration_id IS 'The migration''s name.';

-- Name: COLUMN migration_log.operation (COMMENT)

COMMENT ON COLUMN klartext.migration_log.operation IS 'apply, rollback, mark or unmark.';

-- Name: COLUMN migration_log.username (COMMENT)

COMMENT ON COLUMN klartext.migration_log.username IS 'The database role.';

-- Name: COLUMN migration_log.hostname (COMMENT)

COMMENT ON COLUMN klartext.migration_log.hostname IS 'The machine''s name.';

-- Name: COLUMN migration_log.comment (COMMENT)

COMMENT ON COLUMN klartext.migration_log.comment IS 'The migration library''s remark.';

-- Name: COLUMN migration_log.created_at_utc (COMMENT)

COMMENT ON COLUMN klartext.migration_log.created_at_utc IS 'When.';

-- Name: migration_version (TABLE)

CREATE TABLE klartext.migration_version (
    version integer NOT NULL,
    installed_at_utc timestamp without time zone
);

-- Name: TABLE migration_version (COMMENT)

COMMENT ON TABLE klartext.migration_version IS 'Version of the migration library''s own tables.';

-- Name: COLUMN migration_version.version (COMMENT)

COMMENT ON COLUMN klartext.migration_version.version IS 'The version.';

-- Name: COLUMN migration_version.installed_at_utc (COMMENT)

COMMENT ON COLUMN klartext.migration_version.installed_at_utc IS 'When it was set up.';

-- Name: piece (TABLE)

CREATE TABLE klartext.piece (
    run_id bigint NOT NULL,
    piece_key text NOT NULL,
    batch_key text NOT NULL,
    path text NOT NULL,
    finished_at timestamp with time zone,
    CONSTRAINT piece_batch_key_check CHECK ((batch_key <> ''::text)),
    CONSTRAINT piece_piece_key_check CHECK ((piece_key <> ''::text))
);

-- Name: TABLE piece (COMMENT)

COMMENT ON TABLE klartext.piece IS 'Files and slices of files that a run was planned to read. A sweep leaves out what some run has finished.';

-- Name: COLUMN piece.run_id (COMMENT)

COMMENT ON COLUMN klartext.piece.run_id IS 'The run.';

-- Name: COLUMN piece.piece_key (COMMENT)

COMMENT ON COLUMN klartext.piece.piece_key IS 'Made of the path, the content and how it is read: a replaced file is another piece.';

-- Name: COLUMN piece.batch_key (COMMENT)

COMMENT ON COLUMN klartext.piece.batch_key IS 'The batch that reads it.';

-- Name: COLUMN piece.path (COMMENT)

COMMENT ON COLUMN klartext.piece.path IS 'The file, for people; names that are not UTF-8 are escaped.';

-- Name: COLUMN piece.finished_at (COMMENT)

COMMENT ON COLUMN klartext.piece.finished_at IS 'When its last record was loaded; NULL until then.';

-- Name: quarantine (TABLE)

CREATE TABLE klartext.quarantine (
    quarantine_id bigint NOT NULL,
    origin_sha256 bytea NOT NULL,
    origin text NOT NULL,
    source text NOT NULL,
    url text,
    stage text NOT NULL,
    reason text NOT NULL,
    detail text NOT NULL,
    payload bytea NOT NULL,
    payload_sha256 bytea NOT NULL,
    run_id bigint,
    at timestamp with time zone DEFAULT now() NOT NULL,
    retried_at timestamp with time zone,
    resolved_at timestamp with time zone,
    CONSTRAINT quarantine_reason_check CHECK ((reason ~ '^[a-z][a-z0-9_]*$'::text)),
    CONSTRAINT quarantine_stage_check CHECK ((stage = ANY (ARRAY['acquire'::text, 'read'::text, 'extract'::text, 'language'::text, 'clean'::text, 'fingerprint'::text, 'load'::text])))
);

-- Name: TABLE quarantine (COMMENT)

COMMENT ON TABLE klartext.quarantine IS 'Records that could not be processed, each with the place and the reason. Not part of the checksum.';

-- Name: COLUMN quarantine.quarantine_id (COMMENT)

COMMENT ON COLUMN klartext.quarantine.quarantine_id IS 'Number of the row.';

-- Name: COLUMN quarantine.origin_sha256 (COMMENT)

COMMENT ON COLUMN klartext.quarantine.origin_sha256 IS 'SHA-256 of origin: paths and URLs can be longer than an index entry.';

-- Name: COLUMN quarantine.origin (COMMENT)

COMMENT ON COLUMN klartext.quarantine.origin IS 'Where the record lies: path, path:LINE or path#OFFSET.';

-- Name: COLUMN quarantine.source (COMMENT)

COMMENT ON COLUMN klartext.quarantine.source IS 'The source''s name.';

-- Name: COLUMN quarantine.url (COMMENT)

COMMENT ON COLUMN klartext.quarantine.url IS 'The record''s URL, where it is known.';

-- Name: COLUMN quarantine.stage (COMMENT)

COMMENT ON COLUMN klartext.quarantine.stage IS 'Where it failed: acquire, read, extract, language, clean, fingerprint or load.';

-- Name: COLUMN quarantine.reason (COMMENT)

COMMENT ON COLUMN klartext.quarantine.reason IS 'Short code; the reference lists them all.';

-- Name: COLUMN quarantine.detail (COMMENT)

COMMENT ON COLUMN klartext.quarantine.detail IS 'A sentence for people.';

-- Name: COLUMN quarantine.payload (COMMENT)

COMMENT ON COLUMN klartext.quarantine.payload IS 'The record''s first bytes, up to the cap.';

-- Name: COLUMN quarantine.payload_sha256 (COMMENT)

COMMENT ON COLUMN klartext.quarantine.payload_sha256 IS 'SHA-256 of all of the record''s bytes.';

-- Name: COLUMN quarantine.run_id (COMMENT)

COMMENT ON COLUMN klartext.quarantine.run_id IS 'The run that rejected it last.';

-- Name: COLUMN quarantine.at (COMMENT)

COMMENT ON COLUMN klartext.quarantine.at IS 'When it was first rejected.';

-- Name: COLUMN quarantine.retried_at (COMMENT)

COMMENT ON COLUMN klartext.quarantine.retried_at IS 'When it was last tried again and rejected again.';

-- Name: COLUMN quarantine.resolved_at (COMMENT)

COMMENT ON COLUMN klartext.quarantine.resolved_at IS 'When a record of the same origin was loaded after all.';

-- Name: quarantine_quarantine_id_seq (SEQUENCE)

ALTER TABLE klartext.quarantine ALTER COLUMN quarantine_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME klartext.quarantine_quarantine_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

-- Name: run (TABLE)

CREATE TABLE klartext.run (
    run_id bigint NOT NULL,
    kind text NOT NULL,
    state text DEFAULT 'running'::text NOT NULL,
    started_at timestamp with time zone DEFAULT now() NOT NULL,
    ended_at timestamp with time zone,
    read bigint DEFAULT 0 NOT NULL,
    inserted bigint DEFAULT 0 NOT NULL,
    updated bigint DEFAULT 0 NOT NULL,
    unchanged bigint DEFAULT 0 NOT NULL,
    rejected bigint DEFAULT 0 NOT NULL,
    duplicates bigint,
    code_version text DEFAULT ''::text NOT NULL,
    rules_version text DEFAULT ''::text NOT NULL,
    parameters jsonb DEFAULT '{}'::jsonb NOT NULL,
    message text,
    CONSTRAINT run_check CHECK (((state = 'running'::text) = (ended_at IS NULL))),
    CONSTRAINT run_check1 CHECK ((read = (((inserted + updated) + unchanged) + rejected))),
    CONSTRAINT run_kind_check CHECK ((kind <> ''::text)),
    CONSTRAINT run_state_check CHECK ((state = ANY (ARRAY['running'::text, 'succeeded'::text, 'failed'::text])))
);

-- Name: TABLE run (COMMENT)

COMMENT ON TABLE klartext.run IS 'One row for each run of a command or a DAG that writes to the corpus.';

-- Name: COLUMN run.run_id (COMMENT)

COMMENT ON COLUMN klartext.run.run_id IS 'Number of the run, ascending.';

-- Name: COLUMN run.kind (COMMENT)

COMMENT ON COLUMN klartext.run.kind IS 'What ran: ingest, process, settle, acquire, reprocess.';

-- Name: COLUMN run.state (COMMENT)

COMMENT ON COLUMN klartext.run.state IS 'running, succeeded or failed; a run that was killed stays running.';

-- Name: COLUMN run.started_at (COMMENT)

COMMENT ON COLUMN klartext.run.started_at IS 'Wall clock at its start.';

-- Name: COLUMN run.ended_at (COMMENT)

COMMENT ON COLUMN klartext.run.ended_at IS 'Wall clock at its end; NULL while it runs.';

-- Name: COLUMN run.read (COMMENT)

COMMENT ON COLUMN klartext.run.read IS 'Records read: inserted + updated + unchanged + rejected. Summed from its batches when it ends.';

-- Name: COLUMN run.inserted (COMMENT)

COMMENT ON COLUMN klartext.run.inserted IS 'Records that brought a new article.';

-- Name: COLUMN run.updated (COMMENT)

COMMENT ON COLUMN klartext.run.updated IS 'Records that brought a known article a new clean text.';

-- Name: COLUMN run.unchanged (COMMENT)

COMMENT ON COLUMN klartext.run.unchanged IS 'Records whose clean text was known.';

-- Name: COLUMN run.rejected (COMMENT)

COMMENT ON COLUMN klartext.run.rejected IS 'Records that are in quarantine.';

-- Name: COLUMN run.duplicates (COMMENT)

COMMENT ON COLUMN klartext.run.duplicates IS 'Articles that this run stored something new of and that are not canonical; NULL until counted.';

-- Name: COLUMN run.code_version (COMMENT)

COMMENT ON COLUMN klartext.run.code_version IS 'Version of klartext.';

-- Name: COLUMN run.rules_version (COMMENT)

COMMENT ON COLUMN klartext.run.rules_version IS 'Version of the cleaning rules.';

-- Name: COLUMN run.parameters (COMMENT)

COMMENT ON COLUMN klartext.run.parameters IS 'What the run was asked to do.';

-- Name: COLUMN run.message (COMMENT)

COMMENT ON COLUMN klartext.run.message IS 'Why it failed, in a sentence.';

-- Name: run_article (TABLE)

CREATE TABLE klartext.run_article (
    run_id bigint NOT NULL,
    article_id uuid NOT NULL
);

-- Name: TABLE run_article (COMMENT)

COMMENT ON TABLE klartext.run_article IS 'The articles of a run that is going on; counted and emptied when it is finished.';

-- Name: COLUMN run_article.run_id (COMMENT)

COMMENT ON COLUMN klartext.run_article.run_id IS 'The run.';

-- Name: COLUMN run_article.article_id (COMMENT)

COMMENT ON COLUMN klartext.run_article.article_id IS 'An article that it read a capture of.';

-- Name: run_run_id_seq (SEQUENCE)

ALTER TABLE klartext.run ALTER COLUMN run_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME klartext.run_run_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

-- Name: search_document (TABLE)

CREATE TABLE klartext.search_document (
    article_id uuid NOT NULL,
    source_sha256 bytea NOT NULL,
    language text NOT NULL,
    document tsvector NOT NULL
);

-- Name: TABLE search_document (COMMENT)

COMMENT ON TABLE klartext.search_document IS 'The full-text search index over canonical articles, apart from settled so that settling does not rewrite it.';

-- Name: COLUMN search_document.article_id (COMMENT)

COMMENT ON COLUMN klartext.search_document.article_id IS 'A canonical article.';

-- Name: COLUMN search_document.source_sha256 (COMMENT)

COMMENT ON COLUMN klartext.search_document.source_sha256 IS 'Hash of what the document was made from: language, title, text.';

-- Name: COLUMN search_document.language (COMMENT)

COMMENT ON COLUMN klartext.search_document.language IS 'Language of the article.';

-- Name: COLUMN search_document.document (COMMENT)

COMMENT ON COLUMN klartext.search_document.document IS 'Title (weight A) and text (weight D) in the language''s configuration, and one lexeme that names the language.';

-- Name: settle_queue (TABLE)

CREATE TABLE klartext.settle_queue (
    queue_id bigint NOT NULL,
    article_id uuid NOT NULL
);

-- Name: TABLE settle_queue (COMMENT)

COMMENT ON TABLE klartext.settle_queue IS 'Articles that a load touched and settle has not looked at yet. Loaders append, settle deletes what it read.';

-- Name: COLUMN settle_queue.queue_id (COMMENT)

COMMENT ON COLUMN klartext.settle_queue.queue_id IS 'Number of the entry.';

-- Name: COLUMN settle_queue.article_id (COMMENT)

COMMENT ON COLUMN klartext.settle_queue.article_id IS 'The article; it may stand here more than once.';

-- Name: settle_queue_queue_id_seq (SEQUENCE)

ALTER TABLE klartext.settle_queue ALTER COLUMN queue_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME klartext.settle_queue_queue_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

-- Name: settle_state (TABLE)

CREATE TABLE klartext.settle_state (
    only_row boolean DEFAULT true NOT NULL,
    search_complete boolean DEFAULT true NOT NULL,
    CONSTRAINT settle_state_only_row_check CHECK (only_row)
);

-- Name: TABLE settle_state (COMMENT)

COMMENT ON TABLE klartext.settle_state IS 'What one settle must tell the next; one row.';

-- Name: COLUMN settle_state.only_row (COMMENT)

COMMENT ON COLUMN klartext.settle_state.only_row IS 'Always true: there is one row.';

-- Name: COLUMN settle_state.search_complete (COMMENT)

COMMENT ON COLUMN klartext.settle_state.search_complete IS 'False after a settle without the search index: the next one with it fills the gaps.';

-- Name: settled (TABLE)

CREATE TABLE klartext.settled (
    article_id uuid NOT NULL,
    sighting_sha256 bytea NOT NULL,
    original_sha256 bytea NOT NULL,
    text_sha256 bytea NOT NULL,
    versions integer NOT NULL,
    language text NOT NULL,
    site text,
    published_at timestamp with time zone,
    published_until timestamp with time zone,
    captured_at timestamp with time zone,
    first_seen timestamp with time zone,
    last_seen timestamp with time zone,
    cluster_id uuid,
    relation text,
    of uuid,
    similarity real,
    is_canonical boolean GENERATED ALWAYS AS ((cluster_id = article_id)) STORED,
    CONSTRAINT settled_relation_check CHECK ((relation = ANY (ARRAY['canonical'::text, 'exact'::text, 'near'::text, 'contained'::text]))),
    CONSTRAINT settled_similarity_check CHECK (((similarity >= (0)::double precision) AND (similarity <= (1)::double precision)))
)
WITH (fillfactor='85');

-- Name: TABLE settled (COMMENT)

COMMENT ON TABLE klartext.settled IS 'What only the corpus can tell of an article: its current version and its cluster. Written by settle alone, one at a time.';

-- Name: COLUMN settled.article_id (COMMENT)

COMMENT ON COLUMN klartext.settled.article_id IS 'The article; people see it from here on.';

-- Name: COLUMN settled.sighting_sha256 (COMMENT)

COMMENT ON COLUMN klartext.settled.sighting_sha256 IS 'The current sighting: greatest (captured_at, modified_at, text_sha256, sighting_sha256), NULLs least. Its metadata is shown.';

-- Name: COLUMN settled.original_sha256 (COMMENT)

COMMENT ON COLUMN klartext.settled.original_sha256 IS 'The capture whose spans are shown: that of the earliest sighting of the current version.';

-- Name: COLUMN settled.text_sha256 (COMMENT)

COMMENT ON COLUMN klartext.settled.text_sha256 IS 'SHA-256 of the current version''s clean text.';

-- Name: COLUMN settled.versions (COMMENT)

COMMENT ON COLUMN klartext.settled.versions IS 'Number of its versions.';

-- Name: COLUMN settled.language (COMMENT)

COMMENT ON COLUMN klartext.settled.language IS 'Language of the current version.';

-- Name: COLUMN settled.site (COMMENT)

COMMENT ON COLUMN klartext.settled.site IS 'Site of the current sighting.';

-- Name: COLUMN settled.published_at (COMMENT)

COMMENT ON COLUMN klartext.settled.published_at IS 'First instant of the current sighting''s publication date.';

-- Name: COLUMN settled.published_until (COMMENT)

COMMENT ON COLUMN klartext.settled.published_until IS 'First instant after the current sighting''s publication date.';

-- Name: COLUMN settled.captured_at (COMMENT)

COMMENT ON COLUMN klartext.settled.captured_at IS 'When the current version was first captured: part of the canonical order.';

-- Name: COLUMN settled.first_seen (COMMENT)

COMMENT ON COLUMN klartext.settled.first_seen IS 'Least captured_at of its sightings.';

-- Name: COLUMN settled.last_seen (COMMENT)

COMMENT ON COLUMN klartext.settled.last_seen IS 'Greatest captured_at of its sightings.';

-- Name: COLUMN settled.cluster_id (COMMENT)

COMMENT ON COLUMN klartext.settled.cluster_id IS 'Id of its cluster''s leader.';

-- Name: COLUMN settled.relation (COMMENT)

COMMENT ON COLUMN klartext.settled.relation IS 'canonical, exact, near or contained.';

-- Name: COLUMN settled.of (COMMENT)

COMMENT ON COLUMN klartext.settled.of IS 'The article it was matched with; NULL for canonical.';

-- Name: COLUMN settled.similarity (COMMENT)

COMMENT ON COLUMN klartext.settled.similarity IS 'How alike they are, 0 to 1; NULL for canonical.';

-- Name: COLUMN settled.is_canonical (COMMENT)

COMMENT ON COLUMN klartext.settled.is_canonical IS 'Whether it leads its cluster.';

-- Name: sighting (TABLE)

CREATE TABLE klartext.sighting (
    article_id uuid NOT NULL,
    sighting_sha256 bytea NOT NULL,
    original_sha256 bytea NOT NULL,
    captured_at timestamp with time zone,
    source text NOT NULL,
    url text,
    canonical_url text,
    site text,
    title text,
    authors text[] DEFAULT '{}'::text[] NOT NULL,
    published_at timestamp with time zone,
    published_until timestamp with time zone,
    published_precision text,
    modified_at timestamp with time zone,
    modified_until timestamp with time zone,
    modified_precision text,
    declared_language text,
    access text NOT NULL,
    header text DEFAULT ''::text NOT NULL,
    opt_outs text[] DEFAULT '{}'::text[] NOT NULL,
    notes text[] DEFAULT '{}'::text[] NOT NULL,
    origin text NOT NULL,
    run_id bigint,
    CONSTRAINT sighting_access_check CHECK ((access = ANY (ARRAY['full'::text, 'teaser'::text, 'unknown'::text]))),
    CONSTRAINT sighting_captured_at_check CHECK (isfinite(captured_at)),
    CONSTRAINT sighting_check CHECK ((((published_at IS NULL) = (published_precision IS NULL)) AND ((published_at IS NULL) = (published_until IS NULL)))),
    CONSTRAINT sighting_check1 CHECK ((published_at < published_until)),
    CONSTRAINT sighting_check2 CHECK ((((modified_at IS NULL) = (modified_precision IS NULL)) AND ((modified_at IS NULL) = (modified_until IS NULL)))),
    CONSTRAINT sighting_check3 CHECK ((modified_at < modified_until)),
    CONSTRAINT sighting_modified_at_check CHECK (((modified_at >= '1600-01-01 00:00:00+00'::timestamp with time zone) AND (modified_at < '2101-01-01 00:00:00+00'::timestamp with time zone))),
    CONSTRAINT sighting_modified_precision_check CHECK ((modified_precision = ANY (ARRAY['second'::text, 'minute'::text, 'day'::text, 'month'::text, 'year'::text]))),
    CONSTRAINT sighting_modified_until_check CHECK (((modified_until > '1600-01-01 00:00:00+00'::timestamp with time zone) AND (modified_until <= '2101-01-01 00:00:00+00'::timestamp with time zone))),
    CONSTRAINT sighting_published_at_check CHECK (((published_at >= '1600-01-01 00:00:00+00'::timestamp with time zone) AND (published_at < '2101-01-01 00:00:00+00'::timestamp with time zone))),
    CONSTRAINT sighting_published_precision_check CHECK ((published_precision = ANY (ARRAY['second'::text, 'minute'::text, 'day'::text, 'month'::text, 'year'::text]))),
    CONSTRAINT sighting_published_until_check CHECK (((published_until > '1600-01-01 00:00:00+00'::timestamp with time zone) AND (published_until <= '2101-01-01 00:00:00+00'::timestamp with time zone)))
);

-- Name: TABLE sighting (COMMENT)

COMMENT ON TABLE klartext.sighting IS 'One row for each time an article was captured with a text and metadata. The same capture loaded twice is one row.';

-- Name: COLUMN sighting.article_id (COMMENT)

COMMENT ON COLUMN klartext.sighting.article_id IS 'The article.';

-- Name: COLUMN sighting.sighting_sha256 (COMMENT)

COMMENT ON COLUMN klartext.sighting.sighting_sha256 IS 'SHA-256 over every column here apart from origin and run_id.';

-- Name: COLUMN sighting.original_sha256 (COMMENT)

COMMENT ON COLUMN klartext.sighting.original_sha256 IS 'The extracted text that was seen: a row of capture.';

-- Name: COLUMN sighting.captured_at (COMMENT)

COMMENT ON COLUMN klartext.sighting.captured_at IS 'When it was captured, as the record says; never the load time.';

-- Name: COLUMN sighting.source (COMMENT)

COMMENT ON COLUMN klartext.sighting.source IS 'The source''s name.';

-- Name: COLUMN sighting.url (COMMENT)

COMMENT ON COLUMN klartext.sighting.url IS 'The URL as given.';

-- Name: COLUMN sighting.canonical_url (COMMENT)

COMMENT ON COLUMN klartext.sighting.canonical_url IS 'What the page calls its canonical URL.';

-- Name: COLUMN sighting.site (COMMENT)

COMMENT ON COLUMN klartext.sighting.site IS 'The site''s host.';

-- Name: COLUMN sighting.title (COMMENT)

COMMENT ON COLUMN klartext.sighting.title IS 'The title.';

-- Name: COLUMN sighting.authors (COMMENT)

COMMENT ON COLUMN klartext.sighting.authors IS 'The authors, in their order.';

-- Name: COLUMN sighting.published_at (COMMENT)

COMMENT ON COLUMN klartext.sighting.published_at IS 'First instant of the publication date.';

-- Name: COLUMN sighting.published_until (COMMENT)

COMMENT ON COLUMN klartext.sighting.published_until IS 'First instant after the publication date (2022-01 ends at 2022-02-01).';

-- Name: COLUMN sighting.published_precision (COMMENT)

COMMENT ON COLUMN klartext.sighting.published_precision IS 'second, minute, day, month or year; NULL exactly when the date is.';

-- Name: COLUMN sighting.modified_at (COMMENT)

COMMENT ON COLUMN klartext.sighting.modified_at IS 'First instant of the modification date.';

-- Name: COLUMN sighting.modified_until (COMMENT)

COMMENT ON COLUMN klartext.sighting.modified_until IS 'First instant after the modification date.';

-- Name: COLUMN sighting.modified_precision (COMMENT)

COMMENT ON COLUMN klartext.sighting.modified_precision IS 'second, minute, day, month or year; NULL exactly when the date is.';

-- Name: COLUMN sighting.declared_language (COMMENT)

COMMENT ON COLUMN klartext.sighting.declared_language IS 'The language that the page or record claims.';

-- Name: COLUMN sighting.access (COMMENT)

COMMENT ON COLUMN klartext.sighting.access IS 'full, teaser or unknown.';

-- Name: COLUMN sighting.header (COMMENT)

COMMENT ON COLUMN klartext.sighting.header IS 'The header lines of a text file as they stood.';

-- Name: COLUMN sighting.opt_outs (COMMENT)

COMMENT ON COLUMN klartext.sighting.opt_outs IS 'Text-and-data-mining opt-outs that came with it.';

-- Name: COLUMN sighting.notes (COMMENT)

COMMENT ON COLUMN klartext.sighting.notes IS 'What had to be mended, as short codes.';

-- Name: COLUMN sighting.origin (COMMENT)

COMMENT ON COLUMN klartext.sighting.origin IS 'Where the capture that was loaded first lies. Not part of the checksum.';

-- Name: COLUMN sighting.run_id (COMMENT)

COMMENT ON COLUMN klartext.sighting.run_id IS 'The run that loaded it first. Not part of the checksum.';

-- Name: site_block (TABLE)

CREATE TABLE klartext.site_block (
    site text NOT NULL,
    block_sha256 bytea NOT NULL,
    article_id uuid NOT NULL,
    text_sha256 bytea NOT NULL
);

-- Name: TABLE site_block (COMMENT)

COMMENT ON TABLE klartext.site_block IS 'Blocks that a site''s articles have in common, one vote for each article and clean text. Empty until that step exists.';

-- Name: COLUMN site_block.site (COMMENT)

COMMENT ON COLUMN klartext.site_block.site IS 'The site''s host.';

-- Name: COLUMN site_block.block_sha256 (COMMENT)

COMMENT ON COLUMN klartext.site_block.block_sha256 IS 'SHA-256 of the block''s text.';

-- Name: COLUMN site_block.article_id (COMMENT)

COMMENT ON COLUMN klartext.site_block.article_id IS 'The article that has it.';

-- Name: COLUMN site_block.text_sha256 (COMMENT)

COMMENT ON COLUMN klartext.site_block.text_sha256 IS 'SHA-256 of the rule-clean text that has it.';

-- Name: source (TABLE)

CREATE TABLE klartext.source (
    name text NOT NULL,
    first_seen_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT source_name_check CHECK ((name <> ''::text))
);

-- Name: TABLE source (COMMENT)

COMMENT ON TABLE klartext.source IS 'Where articles come from: a feed, a sitemap, a folder.';

-- Name: COLUMN source.name (COMMENT)

COMMENT ON COLUMN klartext.source.name IS 'The configured name; part of the identity of records without URL.';

-- Name: COLUMN source.first_seen_at (COMMENT)

COMMENT ON COLUMN klartext.source.first_seen_at IS 'When a record of it was first loaded; wall clock, bookkeeping only.';

-- Name: version_sighting (VIEW)

CREATE VIEW klartext.version_sighting AS
 WITH ordered AS (
         SELECT g.article_id,
            g.sighting_sha256,
            g.original_sha256,
            g.captured_at,
            g.modified_at,
            g.title,
            c.text_sha256,
            row_number() OVER recency AS recency,
            (c.text_sha256 IS DISTINCT FROM lag(c.text_sha256) OVER recency) AS is_last,
            (c.text_sha256 IS DISTINCT FROM lead(c.text_sha256) OVER recency) AS is_first
           FROM (klartext.sighting g
             JOIN klartext.capture c USING (article_id, original_sha256))
          WINDOW recency AS (PARTITION BY g.article_id ORDER BY g.captured_at DESC NULLS LAST, g.modified_at DESC NULLS LAST, c.text_sha256 DESC, g.sighting_sha256 DESC)
        )
 SELECT article_id,
    sighting_sha256,
    original_sha256,
    captured_at,
    title,
    text_sha256,
    recency,
    is_first,
    is_last,
    (count(*) FILTER (WHERE is_first) OVER (PARTITION BY article_id ORDER BY recency DESC))::integer AS version
   FROM ordered;

-- Name: VIEW version_sighting (COMMENT)

COMMENT ON VIEW klartext.version_sighting IS 'Each sighting with its version: sightings in order of time, neighbours with equal clean text being one version.';

-- Name: COLUMN version_sighting.article_id (COMMENT)

COMMENT ON COLUMN klartext.version_sighting.article_id IS 'The article.';

-- Name: COLUMN version_sighting.sighting_sha256 (COMMENT)

COMMENT ON COLUMN klartext.version_sighting.sighting_sha256 IS 'The sighting.';

-- Name: COLUMN version_sighting.original_sha256 (COMMENT)

COMMENT ON COLUMN klartext.version_sighting.original_sha256 IS 'Its capture.';

-- Name: COLUMN version_sighting.captured_at (COMMENT)

COMMENT ON COLUMN klartext.version_sighting.captured_at IS 'When it was captured.';

-- Name: COLUMN version_sighting.title (COMMENT)

COMMENT ON COLUMN klartext.version_sighting.title IS 'Its title.';

-- Name: COLUMN version_sighting.text_sha256 (COMMENT)

COMMENT ON COLUMN klartext.version_sighting.text_sha256 IS 'SHA-256 of its clean text.';

-- Name: COLUMN version_sighting.recency (COMMENT)

COMMENT ON COLUMN klartext.version_sighting.recency IS '1 for the current sighting, counting back in time.';

-- Name: COLUMN version_sighting.is_first (COMMENT)

COMMENT ON COLUMN klartext.version_sighting.is_first IS 'Whether it is the earliest sighting of its version.';

-- Name: COLUMN version_sighting.is_last (COMMENT)

COMMENT ON COLUMN klartext.version_sighting.is_last IS 'Whether it is the latest sighting of its version.';

-- Name: COLUMN version_sighting.version (COMMENT)

COMMENT ON COLUMN klartext.version_sighting.version IS 'Number of its version, from 1.';

-- Name: article (VIEW)

CREATE VIEW news.article AS
 SELECT a.article_id AS id,
    a.article_id,
    g.url,
    a.url_key,
    g.canonical_url,
    g.site,
    g.title,
    g.authors,
    g.published_at,
    g.published_until,
    g.published_precision,
    g.modified_at,
    g.modified_precision,
    c.language,
    c.language_confidence,
    g.access,
    c.text,
    c.text_sha256,
    c.word_count,
    g.source,
    g.captured_at,
    s.first_seen,
    s.last_seen,
    s.versions,
    a.identity,
    g.opt_outs,
    g.notes,
    s.is_canonical,
    s.cluster_id,
    s.relation,
    s.of,
    s.similarity
   FROM (((klartext.settled s
     JOIN klartext.article a USING (article_id))
     JOIN klartext.sighting g USING (article_id, sighting_sha256))
     JOIN klartext.capture c ON (((c.article_id = s.article_id) AND (c.original_sha256 = s.original_sha256))))
  WHERE (s.cluster_id IS NOT NULL);

-- Name: VIEW article (COMMENT)

COMMENT ON VIEW news.article IS 'Every article in its current version, copies too.';

-- Name: COLUMN article.id (COMMENT)

COMMENT ON COLUMN news.article.id IS 'The article''s id, the same in every database.';

-- Name: COLUMN article.article_id (COMMENT)

COMMENT ON COLUMN news.article.article_id IS 'The same as id, named as in the other views.';

-- Name: COLUMN article.url (COMMENT)

COMMENT ON COLUMN news.article.url IS 'The URL as last captured.';

-- Name: COLUMN article.url_key (COMMENT)

COMMENT ON COLUMN news.article.url_key IS 'The normalised URL that identifies the article; NULL without a URL.';

-- Name: COLUMN article.canonical_url (COMMENT)

COMMENT ON COLUMN news.article.canonical_url IS 'What the page calls its canonical URL.';

-- Name: COLUMN article.site (COMMENT)

COMMENT ON COLUMN news.article.site IS 'The site''s host.';

-- Name: COLUMN article.title (COMMENT)

COMMENT ON COLUMN news.article.title IS 'The title.';

-- Name: COLUMN article.authors (COMMENT)

COMMENT ON COLUMN news.article.authors IS 'The authors, in their order.';

-- Name: COLUMN article.published_at (COMMENT)

COMMENT ON COLUMN news.article.published_at IS 'First instant of the publication date, UTC.';

-- Name: COLUMN article.published_until (COMMENT)

COMMENT ON COLUMN news.article.published_until IS 'First instant after the publication date.';

-- Name: COLUMN article.published_precision (COMMENT)

COMMENT ON COLUMN news.article.published_precision IS 'second, minute, day, month or year; NULL exactly when the date is.';

-- Name: COLUMN article.modified_at (COMMENT)

COMMENT ON COLUMN news.article.modified_at IS 'First instant of the modification date, UTC.';

-- Name: COLUMN article.modified_precision (COMMENT)

COMMENT ON COLUMN news.article.modified_precision IS 'second, minute, day, month or year; NULL exactly when the date is.';

-- Name: COLUMN article.language (COMMENT)

COMMENT ON COLUMN news.article.language IS 'ISO 639-1 code, und when unsure.';

-- Name: COLUMN article.language_confidence (COMMENT)

COMMENT ON COLUMN news.article.language_confidence IS 'Confidence in the language, 0 to 1.';

-- Name: COLUMN article.access (COMMENT)

COMMENT ON COLUMN news.article.access IS 'full, teaser (the rest is behind a paywall) or unknown.';

-- Name: COLUMN article.text (COMMENT)

COMMENT ON COLUMN news.article.text IS 'The clean text.';

-- Name: COLUMN article.text_sha256 (COMMENT)

COMMENT ON COLUMN news.article.text_sha256 IS 'SHA-256 of the clean text.';

-- Name: COLUMN article.word_count (COMMENT)

COMMENT ON COLUMN news.article.word_count IS 'Words of the clean text.';

-- Name: COLUMN article.source (COMMENT)

COMMENT ON COLUMN news.article.source IS 'Name of the source it was last captured from.';

-- Name: COLUMN article.captured_at (COMMENT)

COMMENT ON COLUMN news.article.captured_at IS 'When the current sighting was captured; NULL where no record says.';

-- Name: COLUMN article.first_seen (COMMENT)

COMMENT ON COLUMN news.article.first_seen IS 'Its earliest capture.';

-- Name: COLUMN article.last_seen (COMMENT)

COMMENT ON COLUMN news.article.last_seen IS 'Its latest capture.';

-- Name: COLUMN article.versions (COMMENT)

COMMENT ON COLUMN news.article.versions IS 'How many versions it has had.';

-- Name: COLUMN article.identity (COMMENT)

COMMENT ON COLUMN news.article.identity IS 'What the id is made of: url, text or payload.';

-- Name: COLUMN article.opt_outs (COMMENT)

COMMENT ON COLUMN news.article.opt_outs IS 'Text-and-data-mining opt-outs that came with it.';

-- Name: COLUMN article.notes (COMMENT)

COMMENT ON COLUMN news.article.notes IS 'What had to be mended or dropped, as short codes.';

-- Name: COLUMN article.is_canonical (COMMENT)

COMMENT ON COLUMN news.article.is_canonical IS 'Whether it leads its cluster: the one that people see by default.';

-- Name: COLUMN article.cluster_id (COMMENT)

COMMENT ON COLUMN news.article.cluster_id IS 'Its cluster: the leader''s id.';

-- Name: COLUMN article.relation (COMMENT)

COMMENT ON COLUMN news.article.relation IS 'canonical, exact, near or contained.';

-- Name: COLUMN article.of (COMMENT)

COMMENT ON COLUMN news.article.of IS 'The article it was matched with.';

-- Name: COLUMN article.similarity (COMMENT)

COMMENT ON COLUMN news.article.similarity IS 'How alike they are, 0 to 1.';

-- Name: article_version (VIEW)

CREATE VIEW news.article_version AS
 WITH version AS (
         SELECT v_1.article_id,
            v_1.version,
            v_1.original_sha256,
            v_1.captured_at,
            v_1.text_sha256,
            v_1.is_first,
            first_value(v_1.title) OVER w AS title,
            first_value(v_1.captured_at) OVER w AS last_captured_at,
            first_value(v_1.sighting_sha256) OVER w AS last_sighting_sha256
           FROM klartext.version_sighting v_1
          WINDOW w AS (PARTITION BY v_1.article_id, v_1.version ORDER BY v_1.recency)
        )
 SELECT v.article_id,
    v.version,
    v.captured_at,
    v.text_sha256,
    v.title,
    c.text,
    (v.last_sighting_sha256 = s.sighting_sha256) AS is_current,
    c.language,
    c.word_count,
    v.last_captured_at
   FROM ((version v
     JOIN klartext.settled s ON (((s.article_id = v.article_id) AND (s.cluster_id IS NOT NULL))))
     JOIN klartext.capture c ON (((c.article_id = v.article_id) AND (c.original_sha256 = v.original_sha256))))
  WHERE v.is_first;

-- Name: VIEW article_version (COMMENT)

COMMENT ON VIEW news.article_version IS 'Every version of every article, by time. Going back to an earlier text is a version too.';

-- Name: COLUMN article_version.article_id (COMMENT)

COMMENT ON COLUMN news.article_version.article_id IS 'The article''s id.';

-- Name: COLUMN article_version.version (COMMENT)

COMMENT ON COLUMN news.article_version.version IS '1 for the earliest.';

-- Name: COLUMN article_version.captured_at (COMMENT)

COMMENT ON COLUMN news.article_version.captured_at IS 'When this version was first captured; NULL where no record says.';

-- Name: COLUMN article_version.text_sha256 (COMMENT)

COMMENT ON COLUMN news.article_version.text_sha256 IS 'SHA-256 of the clean text.';

-- Name: COLUMN article_version.title (COMMENT)

COMMENT ON COLUMN news.article_version.title IS 'The title, as last captured with this text.';

-- Name: COLUMN article_version.text (COMMENT)

COMMENT ON COLUMN news.article_version.text IS 'The clean text.';

-- Name: COLUMN article_version.is_current (COMMENT)

COMMENT ON COLUMN news.article_version.is_current IS 'Whether it is the version that people see.';

-- Name: COLUMN article_version.language (COMMENT)

COMMENT ON COLUMN news.article_version.language IS 'Language of this version.';

-- Name: COLUMN article_version.word_count (COMMENT)

COMMENT ON COLUMN news.article_version.word_count IS 'Words of the clean text.';

-- Name: COLUMN article_version.last_captured_at (COMMENT)

COMMENT ON COLUMN news.article_version.last_captured_at IS 'When this version was last captured.';

-- Name: batch (VIEW)

CREATE VIEW news.batch AS
 SELECT run_id,
    batch_key,
    read,
    inserted,
    updated,
    unchanged,
    rejected,
    loaded_at
   FROM klartext.batch;

-- Name: VIEW batch (COMMENT)

COMMENT ON VIEW news.batch IS 'Every batch that was loaded, by run.';

-- Name: COLUMN batch.run_id (COMMENT)

COMMENT ON COLUMN news.batch.run_id IS 'The run it belongs to.';

-- Name: COLUMN batch.batch_key (COMMENT)

COMMENT ON COLUMN news.batch.batch_key IS 'Its name within the run, made of its content.';

-- Name: COLUMN batch.read (COMMENT)

COMMENT ON COLUMN news.batch.read IS 'Records in it.';

-- Name: COLUMN batch.inserted (COMMENT)

COMMENT ON COLUMN news.batch.inserted IS 'Records that brought a new article.';

-- Name: COLUMN batch.updated (COMMENT)

COMMENT ON COLUMN news.batch.updated IS 'Records that brought a known article a new clean text.';

-- Name: COLUMN batch.unchanged (COMMENT)

COMMENT ON COLUMN news.batch.unchanged IS 'Records whose clean text was known.';

-- Name: COLUMN batch.rejected (COMMENT)

COMMENT ON COLUMN news.batch.rejected IS 'Records that are in quarantine.';

-- Name: COLUMN batch.loaded_at (COMMENT)

COMMENT ON COLUMN news.batch.loaded_at IS 'Wall clock at the start of its transaction.';

-- Name: clean_article (VIEW)

CREATE VIEW news.clean_article AS
 SELECT s.article_id,
    g.url,
    g.site,
    g.title,
    g.authors,
    g.published_at,
    g.published_precision,
    c.language,
    c.language_confidence,
    g.access,
    c.text,
    c.word_count,
        CASE
            WHEN (s.relation = 'contained'::text) THEN s.of
            ELSE NULL::uuid
        END AS contained_in,
    s.first_seen,
    s.last_seen,
    g.source,
    d.document AS search
   FROM (((klartext.settled s
     JOIN klartext.sighting g USING (article_id, sighting_sha256))
     JOIN klartext.capture c ON (((c.article_id = s.article_id) AND (c.original_sha256 = s.original_sha256))))
     LEFT JOIN klartext.search_document d ON ((d.article_id = s.article_id)))
  WHERE s.is_canonical;

-- Name: VIEW clean_article (COMMENT)

COMMENT ON VIEW news.clean_article IS 'Canonical articles in their current version: what people query by default.';

-- Name: COLUMN clean_article.article_id (COMMENT)

COMMENT ON COLUMN news.clean_article.article_id IS 'The article''s id, the same in every database.';

-- Name: COLUMN clean_article.url (COMMENT)

COMMENT ON COLUMN news.clean_article.url IS 'The URL as last captured.';

-- Name: COLUMN clean_article.site (COMMENT)

COMMENT ON COLUMN news.clean_article.site IS 'The site''s host.';

-- Name: COLUMN clean_article.title (COMMENT)

COMMENT ON COLUMN news.clean_article.title IS 'The title.';

-- Name: COLUMN clean_article.authors (COMMENT)

COMMENT ON COLUMN news.clean_article.authors IS 'The authors, in their order.';

-- Name: COLUMN clean_article.published_at (COMMENT)

COMMENT ON COLUMN news.clean_article.published_at IS 'First instant of the publication date, UTC.';

-- Name: COLUMN clean_article.published_precision (COMMENT)

COMMENT ON COLUMN news.clean_article.published_precision IS 'second, minute, day, month or year; NULL exactly when the date is.';

-- Name: COLUMN clean_article.language (COMMENT)

COMMENT ON COLUMN news.clean_article.language IS 'ISO 639-1 code, und when unsure.';

-- Name: COLUMN clean_article.language_confidence (COMMENT)

COMMENT ON COLUMN news.clean_article.language_confidence IS 'Confidence in the language, 0 to 1.';

-- Name: COLUMN clean_article.access (COMMENT)

COMMENT ON COLUMN news.clean_article.access IS 'full, teaser (the rest is behind a paywall) or unknown.';

-- Name: COLUMN clean_article.text (COMMENT)

COMMENT ON COLUMN news.clean_article.text IS 'The clean text.';

-- Name: COLUMN clean_article.word_count (COMMENT)

COMMENT ON COLUMN news.clean_article.word_count IS 'Words of the clean text.';

-- Name: COLUMN clean_article.contained_in (COMMENT)

COMMENT ON COLUMN news.clean_article.contained_in IS 'The longer article that holds this one; NULL for most.';

-- Name: COLUMN clean_article.first_seen (COMMENT)

COMMENT ON COLUMN news.clean_article.first_seen IS 'Its earliest capture.';

-- Name: COLUMN clean_article.last_seen (COMMENT)

COMMENT ON COLUMN news.clean_article.last_seen IS 'Its latest capture.';

-- Name: COLUMN clean_article.source (COMMENT)

COMMENT ON COLUMN news.clean_article.source IS 'Name of the source it was last captured from.';

-- Name: COLUMN clean_article.search (COMMENT)

COMMENT ON COLUMN news.clean_article.search IS 'For full-text search with @@ news.tsquery(query, language); NULL where the index is turned off.';

-- Name: daily_volume (VIEW)

CREATE VIEW news.daily_volume AS
 SELECT ((s.published_at AT TIME ZONE 'UTC'::text))::date AS day,
    s.language,
    s.site,
    count(*) AS articles,
    count(*) FILTER (WHERE s.is_canonical) AS canonical,
    sum(c.word_count) AS words
   FROM (klartext.settled s
     JOIN klartext.capture c ON (((c.article_id = s.article_id) AND (c.original_sha256 = s.original_sha256))))
  WHERE (s.cluster_id IS NOT NULL)
  GROUP BY (((s.published_at AT TIME ZONE 'UTC'::text))::date), s.language, s.site;

-- Name: VIEW daily_volume (COMMENT)

COMMENT ON VIEW news.daily_volume IS 'Articles by day of publication (UTC), language and site. A date known to the month or year counts on its first day.';

-- Name: COLUMN daily_volume.day (COMMENT)

COMMENT ON COLUMN news.daily_volume.day IS 'Day of publication; NULL without a date.';

-- Name: COLUMN daily_volume.language (COMMENT)

COMMENT ON COLUMN news.daily_volume.language IS 'Language.';

-- Name: COLUMN daily_volume.site (COMMENT)

COMMENT ON COLUMN news.daily_volume.site IS 'The site''s host.';

-- Name: COLUMN daily_volume.articles (COMMENT)

COMMENT ON COLUMN news.daily_volume.articles IS 'Articles, copies too.';

-- Name: COLUMN daily_volume.canonical (COMMENT)

COMMENT ON COLUMN news.daily_volume.canonical IS 'Canonical articles.';

-- Name: COLUMN daily_volume.words (COMMENT)

COMMENT ON COLUMN news.daily_volume.words IS 'Words of their clean texts.';

-- Name: duplicate_cluster (VIEW)

CREATE VIEW news.duplicate_cluster AS
 SELECT s.cluster_id,
    s.article_id,
    g.url,
    s.is_canonical,
    s.relation,
    s.of,
    s.similarity,
    s.published_at
   FROM (klartext.settled s
     JOIN klartext.sighting g USING (article_id, sighting_sha256))
  WHERE (s.cluster_id IS NOT NULL);

-- Name: VIEW duplicate_cluster (COMMENT)

COMMENT ON VIEW news.duplicate_cluster IS 'A row for every article: the cluster it belongs to, and why.';

-- Name: COLUMN duplicate_cluster.cluster_id (COMMENT)

COMMENT ON COLUMN news.duplicate_cluster.cluster_id IS 'Id of the cluster''s leader.';

-- Name: COLUMN duplicate_cluster.article_id (COMMENT)

COMMENT ON COLUMN news.duplicate_cluster.article_id IS 'The article''s id.';

-- Name: COLUMN duplicate_cluster.url (COMMENT)

COMMENT ON COLUMN news.duplicate_cluster.url IS 'Its URL.';

-- Name: COLUMN duplicate_cluster.is_canonical (COMMENT)

COMMENT ON COLUMN news.duplicate_cluster.is_canonical IS 'Whether it leads the cluster.';

-- Name: COLUMN duplicate_cluster.relation (COMMENT)

COMMENT ON COLUMN news.duplicate_cluster.relation IS 'canonical, exact (same clean text), near, or contained (a part of a longer article, leading its own cluster).';

-- Name: COLUMN duplicate_cluster.of (COMMENT)

COMMENT ON COLUMN news.duplicate_cluster.of IS 'The article it was matched with; NULL for canonical.';

-- Name: COLUMN duplicate_cluster.similarity (COMMENT)

COMMENT ON COLUMN news.duplicate_cluster.similarity IS 'How alike they are, 0 to 1; NULL for canonical.';

-- Name: COLUMN duplicate_cluster.published_at (COMMENT)

COMMENT ON COLUMN news.duplicate_cluster.published_at IS 'First instant of its publication date.';

-- Name: fetch_log (VIEW)

CREATE VIEW news.fetch_log AS
 SELECT url,
    source,
    kind,
    at,
    outcome,
    detail,
    status,
    bytes,
    origin
   FROM klartext.fetch_log;

-- Name: VIEW fetch_log (COMMENT)

COMMENT ON VIEW news.fetch_log IS 'What came of every article URL asked for, and of every feed or sitemap that failed.';

-- Name: COLUMN fetch_log.url (COMMENT)

COMMENT ON COLUMN news.fetch_log.url IS 'The URL asked for, without credentials.';

-- Name: COLUMN fetch_log.source (COMMENT)

COMMENT ON COLUMN news.fetch_log.source IS 'The source it came from.';

-- Name: COLUMN fetch_log.kind (COMMENT)

COMMENT ON COLUMN news.fetch_log.kind IS 'article, feed or sitemap.';

-- Name: COLUMN fetch_log.at (COMMENT)

COMMENT ON COLUMN news.fetch_log.at IS 'When.';

-- Name: COLUMN fetch_log.outcome (COMMENT)

COMMENT ON COLUMN news.fetch_log.outcome IS 'stored, not_modified, duplicate, robots_denied, excluded, deferred, or what failed.';

-- Name: COLUMN fetch_log.detail (COMMENT)

COMMENT ON COLUMN news.fetch_log.detail IS 'The same in a sentence.';

-- Name: COLUMN fetch_log.status (COMMENT)

COMMENT ON COLUMN news.fetch_log.status IS 'HTTP status, where an answer came.';

-- Name: COLUMN fetch_log.bytes (COMMENT)

COMMENT ON COLUMN news.fetch_log.bytes IS 'Bytes of the body that came over the wire.';

-- Name: COLUMN fetch_log.origin (COMMENT)

COMMENT ON COLUMN news.fetch_log.origin IS 'The capture''s origin: where the stored response lies, as path#offset.';

-- Name: quarantine (VIEW)

CREATE VIEW news.quarantine AS
 SELECT origin,
    source,
    url,
    stage,
    reason,
    detail,
    run_id,
    at,
    retried_at,
    resolved_at,
    payload,
    payload_sha256
   FROM klartext.quarantine;

-- Name: VIEW quarantine (COMMENT)

COMMENT ON VIEW news.quarantine IS 'Records that could not be processed, each with the place and the reason.';

-- Name: COLUMN quarantine.origin (COMMENT)

COMMENT ON COLUMN news.quarantine.origin IS 'Where the record lies: path, path:LINE or path#OFFSET.';

-- Name: COLUMN quarantine.source (COMMENT)

COMMENT ON COLUMN news.quarantine.source IS 'The source''s name.';

-- Name: COLUMN quarantine.url (COMMENT)

COMMENT ON COLUMN news.quarantine.url IS 'The record''s URL, where it is known.';

-- Name: COLUMN quarantine.stage (COMMENT)

COMMENT ON COLUMN news.quarantine.stage IS 'Where it failed: acquire, read, extract, language, clean, fingerprint or load.';

-- Name: COLUMN quarantine.reason (COMMENT)

COMMENT ON COLUMN news.quarantine.reason IS 'Short code; the reference lists them all.';

-- Name: COLUMN quarantine.detail (COMMENT)

COMMENT ON COLUMN news.quarantine.detail IS 'A sentence for people.';

-- Name: COLUMN quarantine.run_id (COMMENT)

COMMENT ON COLUMN news.quarantine.run_id IS 'The run that rejected it last.';

-- Name: COLUMN quarantine.at (COMMENT)

COMMENT ON COLUMN news.quarantine.at IS 'When it was first rejected.';

-- Name: COLUMN quarantine.retried_at (COMMENT)

COMMENT ON COLUMN news.quarantine.retried_at IS 'When it was last tried again and rejected again.';

-- Name: COLUMN quarantine.resolved_at (COMMENT)

COMMENT ON COLUMN news.quarantine.resolved_at IS 'When a record of the same origin was loaded after all.';

-- Name: COLUMN quarantine.payload (COMMENT)

COMMENT ON COLUMN news.quarantine.payload IS 'The record''s first bytes.';

-- Name: COLUMN quarantine.payload_sha256 (COMMENT)

COMMENT ON COLUMN news.quarantine.payload_sha256 IS 'SHA-256 of all of the record''s bytes.';

-- Name: removed_boilerplate (VIEW)

CREATE VIEW news.removed_boilerplate AS
 SELECT s.site,
    s.language,
    (r.span ->> 'class'::text) AS class,
    (r.span ->> 'rule'::text) AS rule,
    count(*) AS spans,
    count(DISTINCT s.article_id) AS articles,
    sum(char_length((r.span ->> 'text'::text))) AS characters
   FROM ((klartext.settled s
     JOIN klartext.capture c ON (((c.article_id = s.article_id) AND (c.original_sha256 = s.original_sha256))))
     CROSS JOIN LATERAL jsonb_array_elements(c.removed) r(span))
  WHERE (s.cluster_id IS NOT NULL)
  GROUP BY s.site, s.language, (r.span ->> 'class'::text), (r.span ->> 'rule'::text);

-- Name: VIEW removed_boilerplate (COMMENT)

COMMENT ON VIEW news.removed_boilerplate IS 'What was removed, by site, language, class and rule.';

-- Name: COLUMN removed_boilerplate.site (COMMENT)

COMMENT ON COLUMN news.removed_boilerplate.site IS 'The site''s host.';

-- Name: COLUMN removed_boilerplate.language (COMMENT)

COMMENT ON COLUMN news.removed_boilerplate.language IS 'Language.';

-- Name: COLUMN removed_boilerplate.class (COMMENT)

COMMENT ON COLUMN news.removed_boilerplate.class IS 'Class of boilerplate.';

-- Name: COLUMN removed_boilerplate.rule (COMMENT)

COMMENT ON COLUMN news.removed_boilerplate.rule IS 'The rule.';

-- Name: COLUMN removed_boilerplate.spans (COMMENT)

COMMENT ON COLUMN news.removed_boilerplate.spans IS 'Removed spans.';

-- Name: COLUMN removed_boilerplate.articles (COMMENT)

COMMENT ON COLUMN news.removed_boilerplate.articles IS 'Articles with at least one.';

-- Name: COLUMN removed_boilerplate.characters (COMMENT)

COMMENT ON COLUMN news.removed_boilerplate.characters IS 'Removed characters.';

-- Name: removed_span (VIEW)

CREATE VIEW news.removed_span AS
 SELECT s.article_id,
    ((r.span ->> 'start'::text))::integer AS start,
    ((r.span ->> 'end'::text))::integer AS "end",
    (r.span ->> 'class'::text) AS class,
    (r.span ->> 'rule'::text) AS rule,
    (r.span ->> 'text'::text) AS text,
    (r.span -> 'evidence'::text) AS evidence
   FROM ((klartext.settled s
     JOIN klartext.capture c ON (((c.article_id = s.article_id) AND (c.original_sha256 = s.original_sha256))))
     CROSS JOIN LATERAL jsonb_array_elements(c.removed) r(span))
  WHERE (s.cluster_id IS NOT NULL);

-- Name: VIEW removed_span (COMMENT)

COMMENT ON VIEW news.removed_span IS 'What cleaning removed from each article''s current version, and why.';

-- Name: COLUMN removed_span.article_id (COMMENT)

COMMENT ON COLUMN news.removed_span.article_id IS 'The article''s id.';

-- Name: COLUMN removed_span.start (COMMENT)

COMMENT ON COLUMN news.removed_span.start IS 'First code point of the original text that was removed, from 0.';

-- Name: COLUMN removed_span."end" (COMMENT)

COMMENT ON COLUMN news.removed_span."end" IS 'First code point after it.';

-- Name: COLUMN removed_span.class (COMMENT)

COMMENT ON COLUMN news.removed_span.class IS 'Class of boilerplate.';

-- Name: COLUMN removed_span.rule (COMMENT)

COMMENT ON COLUMN news.removed_span.rule IS 'The rule that spoke against it.';

-- Name: COLUMN removed_span.text (COMMENT)

COMMENT ON COLUMN news.removed_span.text IS 'The removed text.';

-- Name: COLUMN removed_span.evidence (COMMENT)

COMMENT ON COLUMN news.removed_span.evidence IS 'Score and signals.';

-- Name: run (VIEW)

CREATE VIEW news.run AS
 SELECT run_id AS id,
    kind,
    started_at,
    ended_at,
    state,
    jsonb_build_object('read', read, 'inserted', inserted, 'updated', updated, 'unchanged', unchanged, 'rejected', rejected, 'duplicates', duplicates) AS counts,
    read,
    inserted,
    updated,
    unchanged,
    rejected,
    duplicates,
    code_version,
    rules_version,
    parameters,
    message
   FROM klartext.run;

-- Name: VIEW run (COMMENT)

COMMENT ON VIEW news.run IS 'Every run that wrote to the corpus.';

-- Name: COLUMN run.id (COMMENT)

COMMENT ON COLUMN news.run.id IS 'Number of the run, ascending.';

-- Name: COLUMN run.kind (COMMENT)

COMMENT ON COLUMN news.run.kind IS 'What ran: ingest, process, settle, acquire, reprocess.';

-- Name: COLUMN run.started_at (COMMENT)

COMMENT ON COLUMN news.run.started_at IS 'Wall clock at its start.';

-- Name: COLUMN run.ended_at (COMMENT)

COMMENT ON COLUMN news.run.ended_at IS 'Wall clock at its end; NULL while it runs.';

-- Name: COLUMN run.state (COMMENT)

COMMENT ON COLUMN news.run.state IS 'running, succeeded or failed; a run that was killed stays running.';

-- Name: COLUMN run.counts (COMMENT)

COMMENT ON COLUMN news.run.counts IS 'The six counts as one JSON object.';

-- Name: COLUMN run.read (COMMENT)

COMMENT ON COLUMN news.run.read IS 'Records read: inserted + updated + unchanged + rejected.';

-- Name: COLUMN run.inserted (COMMENT)

COMMENT ON COLUMN news.run.inserted IS 'Records that brought a new article.';

-- Name: COLUMN run.updated (COMMENT)

COMMENT ON COLUMN news.run.updated IS 'Records that brought a known article a new clean text.';

-- Name: COLUMN run.unchanged (COMMENT)

COMMENT ON COLUMN news.run.unchanged IS 'Records whose clean text was known.';

-- Name: COLUMN run.rejected (COMMENT)

COMMENT ON COLUMN news.run.rejected IS 'Records that are in quarantine.';

-- Name: COLUMN run.duplicates (COMMENT)

COMMENT ON COLUMN news.run.duplicates IS 'Articles that this run stored something new of and that were not canonical when it ended.';

-- Name: COLUMN run.code_version (COMMENT)

COMMENT ON COLUMN news.run.code_version IS 'Version of klartext.';

-- Name: COLUMN run.rules_version (COMMENT)

COMMENT ON COLUMN news.run.rules_version IS 'Version of the cleaning rules.';

-- Name: COLUMN run.parameters (COMMENT)

COMMENT ON COLUMN news.run.parameters IS 'What the run was asked to do.';

-- Name: COLUMN run.message (COMMENT)

COMMENT ON COLUMN news.run.message IS 'Why it failed, in a sentence.';

-- Name: run_health (VIEW)

CREATE VIEW news.run_health AS
SELECT
    NULL::bigint AS id,
    NULL::text AS kind,
    NULL::timestamp with time zone AS started_at,
    NULL::text AS state,
    NULL::interval AS duration,
    NULL::bigint AS read,
    NULL::numeric AS rejected_share,
    NULL::numeric AS unchanged_share,
    NULL::bigint AS batches,
    NULL::numeric AS records_per_second;

-- Name: VIEW run_health (COMMENT)

COMMENT ON VIEW news.run_health IS 'How each run went, counted from its batches, so also for one that is going on or was killed.';

-- Name: COLUMN run_health.id (COMMENT)

COMMENT ON COLUMN news.run_health.id IS 'Number of the run.';

-- Name: COLUMN run_health.kind (COMMENT)

COMMENT ON COLUMN news.run_health.kind IS 'What ran.';

-- Name: COLUMN run_health.started_at (COMMENT)

COMMENT ON COLUMN news.run_health.started_at IS 'Wall clock at its start.';

-- Name: COLUMN run_health.state (COMMENT)

COMMENT ON COLUMN news.run_health.state IS 'running, succeeded or failed; a run that was killed stays running.';

-- Name: COLUMN run_health.duration (COMMENT)

COMMENT ON COLUMN news.run_health.duration IS 'From its start to its end, or to its last batch so far.';

-- Name: COLUMN run_health.read (COMMENT)

COMMENT ON COLUMN news.run_health.read IS 'Records read.';

-- Name: COLUMN run_health.rejected_share (COMMENT)

COMMENT ON COLUMN news.run_health.rejected_share IS 'Share of records that are in quarantine, 0 to 1.';

-- Name: COLUMN run_health.unchanged_share (COMMENT)

COMMENT ON COLUMN news.run_health.unchanged_share IS 'Share of records whose text was known, 0 to 1.';

-- Name: COLUMN run_health.batches (COMMENT)

COMMENT ON COLUMN news.run_health.batches IS 'Batches loaded.';

-- Name: COLUMN run_health.records_per_second (COMMENT)

COMMENT ON COLUMN news.run_health.records_per_second IS 'Records a second.';

-- Name: version_removed_span (VIEW)

CREATE VIEW news.version_removed_span AS
 SELECT v.article_id,
    v.version,
    ((r.span ->> 'start'::text))::integer AS start,
    ((r.span ->> 'end'::text))::integer AS "end",
    (r.span ->> 'class'::text) AS class,
    (r.span ->> 'rule'::text) AS rule,
    (r.span ->> 'text'::text) AS text,
    (r.span -> 'evidence'::text) AS evidence
   FROM (((klartext.version_sighting v
     JOIN klartext.settled s ON (((s.article_id = v.article_id) AND (s.cluster_id IS NOT NULL))))
     JOIN klartext.capture c ON (((c.article_id = v.article_id) AND (c.original_sha256 = v.original_sha256))))
     CROSS JOIN LATERAL jsonb_array_elements(c.removed) r(span))
  WHERE v.is_first;

-- Name: VIEW version_removed_span (COMMENT)

COMMENT ON VIEW news.version_removed_span IS 'What cleaning removed from every version, and why.';

-- Name: COLUMN version_removed_span.article_id (COMMENT)

COMMENT ON COLUMN news.version_removed_span.article_id IS 'The article''s id.';

-- Name: COLUMN version_removed_span.version (COMMENT)

COMMENT ON COLUMN news.version_removed_span.version IS 'The version, 1 for the earliest.';

-- Name: COLUMN version_removed_span.start (COMMENT)

COMMENT ON COLUMN news.version_removed_span.start IS 'First code point of the original text that was removed, from 0.';

-- Name: COLUMN version_removed_span."end" (COMMENT)

COMMENT ON COLUMN news.version_removed_span."end" IS 'First code point after it.';

-- Name: COLUMN version_removed_span.class (COMMENT)

COMMENT ON COLUMN news.version_removed_span.class IS 'Class of boilerplate.';

-- Name: COLUMN version_removed_span.rule (COMMENT)

COMMENT ON COLUMN news.version_removed_span.rule IS 'The rule that spoke against it.';

-- Name: COLUMN version_removed_span.text (COMMENT)

COMMENT ON COLUMN news.version_removed_span.text IS 'The removed text.';

-- Name: COLUMN version_removed_span.evidence (COMMENT)

COMMENT ON COLUMN news.version_removed_span.evidence IS 'Score and signals.';

-- Name: article article_pkey (CONSTRAINT)

ALTER TABLE ONLY klartext.article
    ADD CONSTRAINT article_pkey PRIMARY KEY (article_id);

-- Name: batch batch_pkey (CONSTRAINT)

ALTER TABLE ONLY klartext.batch
    ADD CONSTRAINT batch_pkey PRIMARY KEY (run_id, batch_key);

-- Name: capture capture_pkey (CONSTRAINT)

ALTER TABLE ONLY klartext.capture
    ADD CONSTRAINT capture_pkey PRIMARY KEY (article_id, original_sha256);

-- Name: fetch_claim fetch_claim_pkey (CONSTRAINT)

ALTER TABLE ONLY klartext.fetch_claim
    ADD CONSTRAINT fetch_claim_pkey PRIMARY KEY (url_sha256);

-- Name: fetch_host fetch_host_pkey (CONSTRAINT)

ALTER TABLE ONLY klartext.fetch_host
    ADD CONSTRAINT fetch_host_pkey PRIMARY KEY (host);

-- Name: fetch_listing fetch_listing_pkey (CONSTRAINT)

ALTER TABLE ONLY klartext.fetch_listing
    ADD CONSTRAINT fetch_listing_pkey PRIMARY KEY (url_sha256);

-- Name: fetch_log fetch_log_pkey (CONSTRAINT)

ALTER TABLE ONLY klartext.fetch_log
    ADD CONSTRAINT fetch_log_pkey PRIMARY KEY (fetch_id);

-- Name: fetch_position fetch_position_pkey (CONSTRAINT)

ALTER TABLE ONLY klartext.fetch_position
    ADD CONSTRAINT fetch_position_pkey PRIMARY KEY (source, path);

-- Name: fetch_run fetch_run_pkey (CONSTRAINT)

ALTER TABLE ONLY klartext.fetch_run
    ADD CONSTRAINT fetch_run_pkey PRIMARY KEY (run);

-- Name: fetch_site_file fetch_site_file_pkey (CONSTRAINT)

ALTER TABLE ONLY klartext.fetch_site_file
    ADD CONSTRAINT fetch_site_file_pkey PRIMARY KEY (url);

-- Name: fetch_source fetch_source_pkey (CONSTRAINT)

ALTER TABLE ONLY klartext.fetch_source
    ADD CONSTRAINT fetch_source_pkey PRIMARY KEY (name);

-- Name: fetch_state fetch_state_pkey (CONSTRAINT)

ALTER TABLE ONLY klartext.fetch_state
    ADD CONSTRAINT fetch_state_pkey PRIMARY KEY (url_sha256);

-- Name: fingerprint fingerprint_pkey (CONSTRAINT)

ALTER TABLE ONLY klartext.fingerprint
    ADD CONSTRAINT fingerprint_pkey PRIMARY KEY (text_sha256, algorithm);

-- Name: migration_log migration_log_pkey (CONSTRAINT)

ALTER TABLE ONLY klartext.migration_log
    ADD CONSTRAINT migration_log_pkey PRIMARY KEY (id);

-- Name: migration migration_pkey (CONSTRAINT)

ALTER TABLE ONLY klartext.migration
    ADD CONSTRAINT migration_pkey PRIMARY KEY (migration_hash);

-- Name: migration_version migration_version_pkey (CONSTRAINT)

ALTER TABLE ONLY klartext.migration_version
    ADD CONSTRAINT migration_version_pkey PRIMARY KEY (version);

-- Name: piece piece_pkey (CONSTRAINT)

ALTER TABLE ONLY klartext.piece
    ADD CONSTRAINT piece_pkey PRIMARY KEY (run_id, piece_key);

-- Name: quarantine quarantine_origin_sha256_stage_payload_sha256_key (CONSTRAINT)

ALTER TABLE ONLY klartext.quarantine
    ADD CONSTRAINT quarantine_origin_sha256_stage_payload_sha256_key UNIQUE (origin_sha256, stage, payload_sha256);

-- Name: quarantine quarantine_pkey (CONSTRAINT)

ALTER TABLE ONLY klartext.quarantine
    ADD CONSTRAINT quarantine_pkey PRIMARY KEY (quarantine_id);

-- Name: run_article run_article_pkey (CONSTRAINT)

ALTER TABLE ONLY klartext.run_article
    ADD CONSTRAINT run_article_pkey PRIMARY KEY (run_id, article_id);

-- Name: run run_pkey (CONSTRAINT)

ALTER TABLE ONLY klartext.run
    ADD CONSTRAINT run_pkey PRIMARY KEY (run_id);

-- Name: search_document search_document_pkey (CONSTRAINT)

ALTER TABLE ONLY klartext.search_document
    ADD CONSTRAINT search_document_pkey PRIMARY KEY (article_id);

-- Name: settle_queue settle_queue_pkey (CONSTRAINT)

ALTER TABLE ONLY klartext.settle_queue
    ADD CONSTRAINT settle_queue_pkey PRIMARY KEY (queue_id);

-- Name: settle_state settle_state_pkey (CONSTRAINT)

ALTER TABLE ONLY klartext.settle_state
    ADD CONSTRAINT settle_state_pkey PRIMARY KEY (only_row);

-- Name: settled settled_pkey (CONSTRAINT)

ALTER TABLE ONLY klartext.settled
    ADD CONSTRAINT settled_pkey PRIMARY KEY (article_id);

-- Name: sighting sighting_pkey (CONSTRAINT)

ALTER TABLE ONLY klartext.sighting
    ADD CONSTRAINT sighting_pkey PRIMARY KEY (article_id, sighting_sha256);

-- Name: site_block site_block_pkey (CONSTRAINT)

ALTER TABLE ONLY klartext.site_block
    ADD CONSTRAINT site_block_pkey PRIMARY KEY (site, block_sha256, article_id, text_sha256);

-- Name: source source_pkey (CONSTRAINT)

ALTER TABLE ONLY klartext.source
    ADD CONSTRAINT source_pkey PRIMARY KEY (name);

-- Name: fetch_claim_run (INDEX)

CREATE INDEX fetch_claim_run ON klartext.fetch_claim USING btree (run);

-- Name: fetch_log_at (INDEX)

CREATE INDEX fetch_log_at ON klartext.fetch_log USING brin (at);

-- Name: fetch_log_url (INDEX)

CREATE INDEX fetch_log_url ON klartext.fetch_log USING hash (url);

-- Name: piece_finished (INDEX)

CREATE INDEX piece_finished ON klartext.piece USING btree (piece_key) WHERE (finished_at IS NOT NULL);

-- Name: search_document_document (INDEX)

CREATE INDEX search_document_document ON klartext.search_document USING gin (document);

-- Name: INDEX search_document_document (COMMENT)

COMMENT ON INDEX klartext.search_document_document IS 'Serves news.search.';

-- Name: search_document_language (INDEX)

CREATE INDEX search_document_language ON klartext.search_document USING btree (language);

-- Name: INDEX search_document_language (COMMENT)

COMMENT ON INDEX klartext.search_document_language IS 'Which languages there are.';

-- Name: settled_cluster (INDEX)

CREATE INDEX settled_cluster ON klartext.settled USING btree (cluster_id) WHERE (NOT is_canonical);

-- Name: INDEX settled_cluster (COMMENT)

COMMENT ON INDEX klartext.settled_cluster IS 'The copies of a cluster.';

-- Name: settled_published (INDEX)

CREATE INDEX settled_published ON klartext.settled USING btree (published_at) WHERE is_canonical;

-- Name: INDEX settled_published (COMMENT)

COMMENT ON INDEX klartext.settled_published IS 'Canonical articles by date.';

-- Name: settled_text (INDEX)

CREATE INDEX settled_text ON klartext.settled USING btree (text_sha256, published_until, captured_at, article_id);

-- Name: INDEX settled_text (COMMENT)

COMMENT ON INDEX klartext.settled_text IS 'Exact copies in canonical order.';

-- Name: sighting_run (INDEX)

CREATE INDEX sighting_run ON klartext.sighting USING brin (run_id) WITH (pages_per_range='32', autosummarize='on');

-- Name: INDEX sighting_run (COMMENT)

COMMENT ON INDEX klartext.sighting_run IS 'What a run brought.';

-- Name: run_health _RETURN (RULE)

CREATE OR REPLACE VIEW news.run_health AS
 SELECT r.run_id AS id,
    r.kind,
    r.started_at,
    r.state,
    (COALESCE(r.ended_at, max(b.loaded_at)) - r.started_at) AS duration,
    COALESCE(sum(b.read), (0)::bigint) AS read,
    round(((COALESCE(sum(b.rejected), (0)::bigint))::numeric / (NULLIF(sum(b.read), 0))::numeric), 4) AS rejected_share,
    round(((COALESCE(sum(b.unchanged), (0)::bigint))::numeric / (NULLIF(sum(b.read), 0))::numeric), 4) AS unchanged_share,
    count(b.batch_key) AS batches,
    round(((COALESCE(sum(b.read), (0)::bigint))::numeric / NULLIF(EXTRACT(epoch FROM (COALESCE(r.ended_at, max(b.loaded_at)) - r.started_at)), (0)::numeric)), 1) AS records_per_second
   FROM (klartext.run r
     LEFT JOIN klartext.batch b USING (run_id))
  GROUP BY r.run_id;

-- Name: batch batch_run_id_fkey (FK CONSTRAINT)

ALTER TABLE ONLY klartext.batch
    ADD CONSTRAINT batch_run_id_fkey FOREIGN KEY (run_id) REFERENCES klartext.run(run_id) ON DELETE CASCADE;

-- Name: capture capture_article_id_fkey (FK CONSTRAINT)

ALTER TABLE ONLY klartext.capture
    ADD CONSTRAINT capture_article_id_fkey FOREIGN KEY (article_id) REFERENCES klartext.article(article_id) ON DELETE CASCADE;

-- Name: piece piece_run_id_fkey (FK CONSTRAINT)

ALTER TABLE ONLY klartext.piece
    ADD CONSTRAINT piece_run_id_fkey FOREIGN KEY (run_id) REFERENCES klartext.run(run_id) ON DELETE CASCADE;

-- Name: quarantine quarantine_run_id_fkey (FK CONSTRAINT)

ALTER TABLE ONLY klartext.quarantine
    ADD CONSTRAINT quarantine_run_id_fkey FOREIGN KEY (run_id) REFERENCES klartext.run(run_id) ON DELETE SET NULL;

-- Name: run_article run_article_run_id_fkey (FK CONSTRAINT)

ALTER TABLE ONLY klartext.run_article
    ADD CONSTRAINT run_article_run_id_fkey FOREIGN KEY (run_id) REFERENCES klartext.run(run_id) ON DELETE CASCADE;

-- Name: search_document search_document_article_id_fkey (FK CONSTRAINT)

ALTER TABLE ONLY klartext.search_document
    ADD CONSTRAINT search_document_article_id_fkey FOREIGN KEY (article_id) REFERENCES klartext.settled(article_id) ON DELETE CASCADE;

-- Name: settled settled_article_id_fkey (FK CONSTRAINT)

ALTER TABLE ONLY klartext.settled
    ADD CONSTRAINT settled_article_id_fkey FOREIGN KEY (article_id) REFERENCES klartext.article(article_id) ON DELETE CASCADE;

-- Name: sighting sighting_article_id_original_sha256_fkey (FK CONSTRAINT)

ALTER TABLE ONLY klartext.sighting
    ADD CONSTRAINT sighting_article_id_original_sha256_fkey FOREIGN KEY (article_id, original_sha256) REFERENCES klartext.capture(article_id, original_sha256) ON DELETE CASCADE;

-- Name: sighting sighting_run_id_fkey (FK CONSTRAINT)

ALTER TABLE ONLY klartext.sighting
    ADD CONSTRAINT sighting_run_id_fkey FOREIGN KEY (run_id) REFERENCES klartext.run(run_id) ON DELETE SET NULL;

-- Name: sighting sighting_source_fkey (FK CONSTRAINT)

ALTER TABLE ONLY klartext.sighting
    ADD CONSTRAINT sighting_source_fkey FOREIGN KEY (source) REFERENCES klartext.source(name);

-- Name: site_block site_block_article_id_fkey (FK CONSTRAINT)

ALTER TABLE ONLY klartext.site_block
    ADD CONSTRAINT site_block_article_id_fkey FOREIGN KEY (article_id) REFERENCES klartext.article(article_id) ON DELETE CASCADE;

-- Name: SCHEMA klartext (ACL)

GRANT USAGE ON SCHEMA klartext TO klartext_writer;

-- Name: SCHEMA news (ACL)

GRANT USAGE ON SCHEMA news TO klartext_writer;
GRANT USAGE ON SCHEMA news TO klartext_reader;

-- Name: FUNCTION restore_text(body text, removed jsonb) (ACL)

REVOKE ALL ON FUNCTION klartext.restore_text(body text, removed jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION klartext.restore_text(body text, removed jsonb) TO klartext_writer;

-- Name: FUNCTION search_configuration(language text) (ACL)

REVOKE ALL ON FUNCTION klartext.search_configuration(language text) FROM PUBLIC;
GRANT ALL ON FUNCTION klartext.search_configuration(language text) TO klartext_writer;

-- Name: FUNCTION search_document(language text, title text, body text) (ACL)

REVOKE ALL ON FUNCTION klartext.search_document(language text, title text, body text) FROM PUBLIC;
GRANT ALL ON FUNCTION klartext.search_document(language text, title text, body text) TO klartext_writer;

-- Name: FUNCTION search_fold(value text) (ACL)

REVOKE ALL ON FUNCTION klartext.search_fold(value text) FROM PUBLIC;
GRANT ALL ON FUNCTION klartext.search_fold(value text) TO klartext_writer;

-- Name: FUNCTION search_has_pairs(value text) (ACL)

REVOKE ALL ON FUNCTION klartext.search_has_pairs(value text) FROM PUBLIC;
GRANT ALL ON FUNCTION klartext.search_has_pairs(value text) TO klartext_writer;

-- Name: FUNCTION search_headline(language text, body text, query text, parsed tsquery) (ACL)

REVOKE ALL ON FUNCTION klartext.search_headline(language text, body text, query text, parsed tsquery) FROM PUBLIC;
GRANT ALL ON FUNCTION klartext.search_headline(language text, body text, query text, parsed tsquery) TO klartext_writer;

-- Name: FUNCTION search_marker(language text) (ACL)

REVOKE ALL ON FUNCTION klartext.search_marker(language text) FROM PUBLIC;
GRANT ALL ON FUNCTION klartext.search_marker(language text) TO klartext_writer;

-- Name: FUNCTION search_pairs(value text) (ACL)

REVOKE ALL ON FUNCTION klartext.search_pairs(value text) FROM PUBLIC;
GRANT ALL ON FUNCTION klartext.search_pairs(value text) TO klartext_writer;

-- Name: FUNCTION search_query(query text, language text) (ACL)

REVOKE ALL ON FUNCTION klartext.search_query(query text, language text) FROM PUBLIC;
GRANT ALL ON FUNCTION klartext.search_query(query text, language text) TO klartext_writer;

-- Name: FUNCTION search_without_pairs(value text) (ACL)

REVOKE ALL ON FUNCTION klartext.search_without_pairs(value text) FROM PUBLIC;
GRANT ALL ON FUNCTION klartext.search_without_pairs(value text) TO klartext_writer;

-- Name: FUNCTION search_words(language text, value text) (ACL)

REVOKE ALL ON FUNCTION klartext.search_words(language text, value text) FROM PUBLIC;
GRANT ALL ON FUNCTION klartext.search_words(language text, value text) TO klartext_writer;

-- Name: FUNCTION open_query(statement text) (ACL)

REVOKE ALL ON FUNCTION news.open_query(statement text) FROM PUBLIC;
GRANT ALL ON FUNCTION news.open_query(statement text) TO klartext_reader;
GRANT ALL ON FUNCTION news.open_query(statement text) TO klartext_writer;

-- Name: FUNCTION original_text(article_id uuid, version integer) (ACL)

REVOKE ALL ON FUNCTION news.original_text(article_id uuid, version integer) FROM PUBLIC;
GRANT ALL ON FUNCTION news.original_text(article_id uuid, version integer) TO klartext_reader;
GRANT ALL ON FUNCTION news.original_text(article_id uuid, version integer) TO klartext_writer;

-- Name: FUNCTION search(query text, language text, since timestamp with time zone, until timestamp with time zone) (ACL)

REVOKE ALL ON FUNCTION news.search(query text, language text, since timestamp with time zone, until timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION news.search(query text, language text, since timestamp with time zone, until timestamp with time zone) TO klartext_reader;
GRANT ALL ON FUNCTION news.search(query text, language text, since timestamp with time zone, until timestamp with time zone) TO klartext_writer;

-- Name: FUNCTION tsquery(query text, language text) (ACL)

REVOKE ALL ON FUNCTION news.tsquery(query text, language text) FROM PUBLIC;
GRANT ALL ON FUNCTION news.tsquery(query text, language text) TO klartext_reader;
GRANT ALL ON FUNCTION news.tsquery(query text, language text) TO klartext_writer;

-- Name: TABLE article (ACL)

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE klartext.article TO klartext_writer;

-- Name: TABLE batch (ACL)

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE klartext.batch TO klartext_writer;

-- Name: TABLE capture (ACL)

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE klartext.capture TO klartext_writer;

-- Name: TABLE fetch_claim (ACL)

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE klartext.fetch_claim TO klartext_writer;

-- Name: TABLE fetch_host (ACL)

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE klartext.fetch_host TO klartext_writer;

-- Name: TABLE fetch_listing (ACL)

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE klartext.fetch_listing TO klartext_writer;

-- Name: TABLE fetch_log (ACL)

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE klartext.fetch_log TO klartext_writer;

-- Name: SEQUENCE fetch_log_fetch_id_seq (ACL)

GRANT SELECT,USAGE ON SEQUENCE klartext.fetch_log_fetch_id_seq TO klartext_writer;

-- Name: TABLE fetch_position (ACL)

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE klartext.fetch_position TO klartext_writer;

-- Name: TABLE fetch_run (ACL)

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE klartext.fetch_run TO klartext_writer;

-- Name: SEQUENCE fetch_run_run_seq (ACL)

GRANT SELECT,USAGE ON SEQUENCE klartext.fetch_run_run_seq TO klartext_writer;

-- Name: TABLE fetch_site_file (ACL)

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE klartext.fetch_site_file TO klartext_writer;

-- Name: TABLE fetch_source (ACL)

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE klartext.fetch_source TO klartext_writer;

-- Name: TABLE fetch_state (ACL)

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE klartext.fetch_state TO klartext_writer;

-- Name: TABLE fingerprint (ACL)

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE klartext.fingerprint TO klartext_writer;

-- Name: TABLE migration (ACL)

GRANT SELECT ON TABLE klartext.migration TO klartext_writer;

-- Name: TABLE piece (ACL)

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE klartext.piece TO klartext_writer;

-- Name: TABLE quarantine (ACL)

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE klartext.quarantine TO klartext_writer;

-- Name: SEQUENCE quarantine_quarantine_id_seq (ACL)

GRANT SELECT,USAGE ON SEQUENCE klartext.quarantine_quarantine_id_seq TO klartext_writer;

-- Name: TABLE run (ACL)

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE klartext.run TO klartext_writer;

-- Name: TABLE run_article (ACL)

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE klartext.run_article TO klartext_writer;

-- Name: SEQUENCE run_run_id_seq (ACL)

GRANT SELECT,USAGE ON SEQUENCE klartext.run_run_id_seq TO klartext_writer;

-- Name: TABLE search_document (ACL)

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE klartext.search_document TO klartext_writer;

-- Name: TABLE settle_queue (ACL)

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE klartext.settle_queue TO klartext_writer;

-- Name: SEQUENCE settle_queue_queue_id_seq (ACL)

GRANT SELECT,USAGE ON SEQUENCE klartext.settle_queue_queue_id_seq TO klartext_writer;

-- Name: TABLE settle_state (ACL)

GRANT SELECT ON TABLE klartext.settle_state TO klartext_writer;

-- Name: COLUMN settle_state.search_complete (ACL)

GRANT UPDATE(search_complete) ON TABLE klartext.settle_state TO klartext_writer;

-- Name: TABLE settled (ACL)

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE klartext.settled TO klartext_writer;

-- Name: TABLE sighting (ACL)

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE klartext.sighting TO klartext_writer;

-- Name: TABLE site_block (ACL)

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE klartext.site_block TO klartext_writer;

-- Name: TABLE source (ACL)

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE klartext.source TO klartext_writer;

-- Name: TABLE version_sighting (ACL)

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE klartext.version_sighting TO klartext_writer;

-- Name: TABLE article (ACL)

GRANT SELECT ON TABLE news.article TO klartext_reader;
GRANT SELECT ON TABLE news.article TO klartext_writer;

-- Name: TABLE article_version (ACL)

GRANT SELECT ON TABLE news.article_version TO klartext_reader;
GRANT SELECT ON TABLE news.article_version TO klartext_writer;

-- Name: TABLE batch (ACL)

GRANT SELECT ON TABLE news.batch TO klartext_reader;
GRANT SELECT ON TABLE news.batch TO klartext_writer;

-- Name: TABLE clean_article (ACL)

GRANT SELECT ON TABLE news.clean_article TO klartext_reader;
GRANT SELECT ON TABLE news.clean_article TO klartext_writer;

-- Name: TABLE daily_volume (ACL)

GRANT SELECT ON TABLE news.daily_volume TO klartext_reader;
GRANT SELECT ON TABLE news.daily_volume TO klartext_writer;

-- Name: TABLE duplicate_cluster (ACL)

GRANT SELECT ON TABLE news.duplicate_cluster TO klartext_reader;
GRANT SELECT ON TABLE news.duplicate_cluster TO klartext_writer;

-- Name: TABLE fetch_log (ACL)

GRANT SELECT ON TABLE news.fetch_log TO klartext_reader;
GRANT SELECT ON TABLE news.fetch_log TO klartext_writer;

-- Name: TABLE quarantine (ACL)

GRANT SELECT ON TABLE news.quarantine TO klartext_reader;
GRANT SELECT ON TABLE news.quarantine TO klartext_writer;

-- Name: TABLE removed_boilerplate (ACL)

GRANT SELECT ON TABLE news.removed_boilerplate TO klartext_reader;
GRANT SELECT ON TABLE news.removed_boilerplate TO klartext_writer;

-- Name: TABLE removed_span (ACL)

GRANT SELECT ON TABLE news.removed_span TO klartext_reader;
GRANT SELECT ON TABLE news.removed_span TO klartext_writer;

-- Name: TABLE run (ACL)

GRANT SELECT ON TABLE news.run TO klartext_reader;
GRANT SELECT ON TABLE news.run TO klartext_writer;

-- Name: TABLE run_health (ACL)

GRANT SELECT ON TABLE news.run_health TO klartext_reader;
GRANT SELECT ON TABLE news.run_health TO klartext_writer;

-- Name: TABLE version_removed_span (ACL)

GRANT SELECT ON TABLE news.version_removed_span TO klartext_reader;
GRANT SELECT ON TABLE news.version_removed_span TO klartext_writer;

-- Name: DEFAULT PRIVILEGES FOR SEQUENCES (DEFAULT ACL)

ALTER DEFAULT PRIVILEGES FOR ROLE klartext IN SCHEMA klartext GRANT SELECT,USAGE ON SEQUENCES TO klartext_writer;

-- Name: DEFAULT PRIVILEGES FOR TABLES (DEFAULT ACL)

ALTER DEFAULT PRIVILEGES FOR ROLE klartext IN SCHEMA klartext GRANT SELECT,INSERT,DELETE,UPDATE ON TABLES TO klartext_writer;
