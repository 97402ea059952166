-- The host may be asked again in so many seconds.
INSERT INTO klartext.fetch_host AS h (host, not_before)
VALUES (%(host)s, clock_timestamp() + make_interval(secs => %(wait)s))
    ON CONFLICT (host) DO UPDATE SET not_before = excluded.not_before;
