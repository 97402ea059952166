-- Starts a run. Parameters: kind, code_version, rules_version, parameters (JSON).
INSERT INTO klartext.run (kind, code_version, rules_version, parameters)
VALUES (%(kind)s, %(code_version)s, %(rules_version)s, %(parameters)s)
RETURNING run_id;
