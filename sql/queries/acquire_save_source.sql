-- Keep how a source is doing.
INSERT INTO klartext.fetch_source (name, asked_at, next_due, failures, last_error, found, stored, interval_seconds)
VALUES (%(name)s, %(asked_at)s, %(next_due)s, %(failures)s, %(last_error)s, %(found)s, %(stored)s,
        %(interval_seconds)s)
    ON CONFLICT (name) DO UPDATE
   SET asked_at = excluded.asked_at, next_due = excluded.next_due, failures = excluded.failures,
       last_error = excluded.last_error, found = excluded.found, stored = excluded.stored,
       interval_seconds = excluded.interval_seconds;
