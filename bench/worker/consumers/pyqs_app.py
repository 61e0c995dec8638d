"""PyQS imports the task by the path in the message: `….pyqs_app.job`."""

from bench.worker.consumers.handler import handle as job

__all__ = ["job"]
