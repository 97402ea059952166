-- Acquiring: who asks for a URL, so that runs that go on at the same time fetch nothing twice.

CREATE TABLE klartext.fetch_run (
    run              integer     NOT NULL GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    started_at       timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE klartext.fetch_run IS 'Runs of acquiring that haven''t come to their end. A run that goes on holds the advisory lock (1802264932, run); one that doesn''t was killed.';
COMMENT ON COLUMN klartext.fetch_run.run IS 'Number of the run, ascending.';
COMMENT ON COLUMN klartext.fetch_run.started_at IS 'When it began.';

-- Claims are worth nothing after a crash of the server, as no run outlives its session: so they need no log.
CREATE UNLOGGED TABLE klartext.fetch_claim (
    url_sha256       bytea       NOT NULL PRIMARY KEY CHECK (length(url_sha256) = 32),
    run              integer     NOT NULL
);
CREATE INDEX fetch_claim_run ON klartext.fetch_claim (run);
COMMENT ON TABLE klartext.fetch_claim IS 'URLs that a run asks for at this moment. Taken before the request, given back in the transaction that keeps what came of it.';
COMMENT ON COLUMN klartext.fetch_claim.url_sha256 IS 'SHA-256 of the URL''s key, as in klartext.fetch_state.';
COMMENT ON COLUMN klartext.fetch_claim.run IS 'The run. When it was killed its files are taken over before anybody else may have the URL.';

ALTER TABLE klartext.fetch_state ADD COLUMN asked_run integer;
COMMENT ON COLUMN klartext.fetch_state.asked_run IS 'The run of acquiring that asked for it last.';

GRANT SELECT, INSERT, UPDATE, DELETE ON klartext.fetch_run, klartext.fetch_claim TO klartext_writer;
