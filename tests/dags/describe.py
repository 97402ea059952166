"""Parses the DAG files as Airflow does and prints what they are, as JSON, in a process of its own."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

from airflow.dag_processing.dagbag import DagBag


def assets_of(timetable: Any) -> list[str]:
    """The URIs of the assets that a DAG waits for."""
    condition = getattr(timetable, "asset_condition", None)
    members = [] if condition is None else getattr(condition, "objects", [condition])
    return sorted(asset.uri for asset in members)


folder = Path(sys.argv[1])
began = time.monotonic()
bag = DagBag(str(folder))
seconds = time.monotonic() - began
print(
    json.dumps(
        {
            "seconds": seconds,
            "errors": bag.import_errors,
            "modules": sorted(sys.modules),
            "dags": {
                dag.dag_id: {
                    "schedule": type(dag.timetable).__name__,
                    "assets": assets_of(dag.timetable),
                    "catchup": dag.catchup,
                    "tags": sorted(dag.tags),
                    "doc": dag.doc_md or "",
                    "params": {name: dag.params.get_param(name).schema for name in dag.params},
                    "tasks": {
                        task.task_id: {
                            "pool": task.pool,
                            "rule": str(getattr(task.trigger_rule, "value", task.trigger_rule)),
                            "retries": task.retries,
                            "timeout": task.execution_timeout is not None,
                            "mapped": task.is_mapped,
                            "upstream": sorted(task.upstream_task_ids),
                            "outlets": [outlet.uri for outlet in task.outlets],
                            "inlets": [inlet.uri for inlet in task.inlets],
                        }
                        for task in dag.tasks
                    },
                }
                for dag in bag.dags.values()
            },
        }
    )
)
