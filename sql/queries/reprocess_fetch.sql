-- The next captures.
FETCH FORWARD 200 FROM reprocess;
