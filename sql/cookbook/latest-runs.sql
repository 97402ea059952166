-- How did the latest runs go: how many records, what share rejected or unchanged, how fast?
SELECT h.id, h.kind, h.started_at, h.state, h.duration, h.read, r.inserted, r.updated, h.unchanged_share,
       h.rejected_share, h.records_per_second, r.message
  FROM news.run_health AS h
  JOIN news.run AS r USING (id)
 ORDER BY h.id DESC
 LIMIT 20;
