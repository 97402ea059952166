-- Give URLs back.
DELETE FROM klartext.fetch_claim WHERE run = %(run)s AND url_sha256 = ANY (%(digests)s::bytea[]);
