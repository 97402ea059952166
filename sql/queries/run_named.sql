-- The run that goes on under an orchestrator's name, if there is one. Parameter: name.
SELECT run_id
  FROM klartext.run
 WHERE state = 'running' AND parameters ->> 'name' = %(name)s
 ORDER BY run_id DESC
 LIMIT 1;
