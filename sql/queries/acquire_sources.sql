-- How every source is doing.
SELECT name, asked_at, next_due, failures, last_error, found, stored, interval_seconds
  FROM klartext.fetch_source
 ORDER BY name;
