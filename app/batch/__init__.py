"""Faust a batch at a time: the transport, tables and flush loop of an application whose state is a machine.

An event is one fetched batch of one partition. A machine folds batches into memory; on a cadence it says what
changed, remembers it in changelogged tables, and only then are its batches acknowledged. Knows nothing of what
the records mean.
"""

from app.batch.application import BatchApp, BatchOptions, create_app, run_worker
from app.batch.errors import BatchError
from app.batch.machine import Machine, Outgoing, Reader, Rows
from app.batch.metrics import Metrics
from app.batch.processor import Processor
from app.batch.table import BatchTable

__all__ = [
    "BatchApp",
    "BatchError",
    "BatchOptions",
    "BatchTable",
    "Machine",
    "Metrics",
    "Outgoing",
    "Processor",
    "Reader",
    "Rows",
    "create_app",
    "run_worker",
]
