"""Records into PostgreSQL, and what only the corpus can tell."""

from etl.load.batch import load_batch
from etl.load.check import checksum
from etl.load.outcomes import Outcomes
from etl.load.runs import RunCounts, UnknownRunError, finish_run, start_run
from etl.load.settle import SettleResult, settle

__all__ = [
    "Outcomes",
    "RunCounts",
    "SettleResult",
    "UnknownRunError",
    "checksum",
    "finish_run",
    "load_batch",
    "settle",
    "start_run",
]
