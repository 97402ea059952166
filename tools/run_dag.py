"""One run of a DAG from beginning to end without a scheduler, as ``airflow dags test`` does it, but without retries.

usage: tools/run_dag.py DAG CONF; the environment is that of ``tools/stack.py``. Exit code 1 when the run failed.
The run stands in Airflow's metadata database like any other. Only for when no scheduler runs: it would join in.
"""

from __future__ import annotations

import json
import sys

from airflow.dag_processing.dagbag import DagBag
from airflow.sdk import DagRunState, conf


def main(dag_id: str, run_conf: str) -> int:
    """Runs it and returns the exit code."""
    bag = DagBag(conf.get("core", "dags_folder"))
    for file, error in bag.import_errors.items():
        print(f"{file}: {error}", file=sys.stderr)
        return 1
    dag = bag.dags[dag_id]
    for task in dag.tasks:
        # Whoever looks on wants the error now and not after minutes of waiting.
        (task.partial_kwargs if task.is_mapped else task.__dict__)["retries"] = 0
    # With a logical date of its own: without one it would take the place of another run that has none.
    run = dag.test(run_conf=json.loads(run_conf))
    return 0 if run.state == DagRunState.SUCCESS else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
