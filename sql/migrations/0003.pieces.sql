-- What a planned run has to read, piece by piece: a file, or a slice of one.

CREATE TABLE klartext.piece (
    run_id      bigint      NOT NULL REFERENCES klartext.run ON DELETE CASCADE,
    piece_key   text        NOT NULL CHECK (piece_key <> ''),
    batch_key   text        NOT NULL CHECK (batch_key <> ''),
    path        text        NOT NULL,
    finished_at timestamptz,
    PRIMARY KEY (run_id, piece_key)
);
CREATE INDEX piece_finished ON klartext.piece (piece_key) WHERE finished_at IS NOT NULL;
COMMENT ON TABLE klartext.piece IS 'Files and slices of files that a run was planned to read. A sweep leaves out what some run has finished.';
COMMENT ON COLUMN klartext.piece.run_id IS 'The run.';
COMMENT ON COLUMN klartext.piece.piece_key IS 'Made of the path, the content and how it is read: a replaced file is another piece.';
COMMENT ON COLUMN klartext.piece.batch_key IS 'The batch that reads it.';
COMMENT ON COLUMN klartext.piece.path IS 'The file, for people; names that are not UTF-8 are escaped.';
COMMENT ON COLUMN klartext.piece.finished_at IS 'When its last record was loaded; NULL until then.';

-- Which articles a run has met, new ones and known ones, until it is finished.
CREATE TABLE klartext.run_article (
    run_id     bigint NOT NULL REFERENCES klartext.run ON DELETE CASCADE,
    article_id uuid   NOT NULL,
    PRIMARY KEY (run_id, article_id)
);
COMMENT ON TABLE klartext.run_article IS 'The articles of a run that is going on; counted and emptied when it is finished.';
COMMENT ON COLUMN klartext.run_article.run_id IS 'The run.';
COMMENT ON COLUMN klartext.run_article.article_id IS 'An article that it read a capture of.';
