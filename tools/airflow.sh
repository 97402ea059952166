#!/bin/sh
# Airflow's own command line, for the Airflow that `make up` starts. usage: tools/airflow.sh ARGUMENTS…
# e.g. tools/airflow.sh dags trigger process --conf '{"paths": ["/data/articles"]}'
exec "$(dirname "$0")/../.venv/bin/python" "$(dirname "$0")/stack.py" airflow "$@"
