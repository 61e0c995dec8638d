"""Settings of a worker, and the variables that it needs: each test names only what it is about."""

from typing import Any

from worker.config import Config

URL = "https://sqs.us-east-1.amazonaws.com/123456789012/jobs"
#: The variables without which a worker does not start.
VARIABLES = {
    "EBB_QUEUE_URL": URL,
    "EBB_DEAD_LETTER_QUEUE_URL": f"{URL}-dead",
    "EBB_VISIBILITY_TIMEOUT": "300",
    "EBB_STOP_TIMEOUT": "120",
    "EBB_BACKOFF_BASE": "10",
    "EBB_BACKOFF_CAP": "900.5",
}
_BASICS: dict[str, Any] = {
    "queue_url": URL,
    "dead_letter_url": f"{URL}-dead",
    "region": "us-east-1",
    "visibility_timeout": 300,
    "stop_timeout": 120,
    "backoff_base": 10,
    "backoff_cap": 900,
}


def config(**changes: Any) -> Config:
    return Config(**(_BASICS | changes))
