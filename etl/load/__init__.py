"""Records into PostgreSQL, and what only the corpus can tell."""

from etl.load.batch import load_batch
from etl.load.check import checksum
from etl.load.outcomes import Outcomes
from etl.load.runs import OpenRun, RunCounts, UnknownRunError, finish_run, noted_run, start_run
from etl.load.settle import SettleResult, settle

__all__ = [
    "OpenRun",
    "Outcomes",
    "RunCounts",
    "SettleResult",
    "UnknownRunError",
    "checksum",
    "finish_run",
    "load_batch",
    "noted_run",
    "settle",
    "start_run",
]
