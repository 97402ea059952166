-- What lay in quarantine and could be loaded this time. Parameter: origins (SHA-256).
UPDATE klartext.quarantine
   SET resolved_at = now()
 WHERE origin_sha256 = ANY (%(origins)s) AND resolved_at IS NULL;
