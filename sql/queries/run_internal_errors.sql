-- Records of a run that klartext itself failed on, and one of them. Parameter: run_id.
SELECT count(*), min(origin || ': ' || detail)
  FROM klartext.quarantine
 WHERE run_id = %(run_id)s AND reason = 'internal_error' AND resolved_at IS NULL;
