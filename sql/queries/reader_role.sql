-- Takes the reader's place. Who logged in as the reader is it already.
SET LOCAL ROLE klartext_reader;
