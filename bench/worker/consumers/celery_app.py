"""Celery on kombu's SQS transport: the `celery` command consumes, this as a program sends."""

import os
import sys
from urllib.parse import urlsplit

from celery import Celery  # type: ignore[import-not-found]  # only in .venv-bench

from bench.worker.consumers import handler

QUEUE = os.environ["BENCH_QUEUE"]

app = Celery("bench", broker=f"sqs://test:test@{urlsplit(os.environ['AWS_ENDPOINT_URL']).netloc}//")
app.conf.update(
    broker_transport_options={
        "is_secure": False,
        "region": os.environ["AWS_REGION"],
        "predefined_queues": {QUEUE: {"url": os.environ["BENCH_QUEUE_URL"]}},
        "wait_time_seconds": 20,
        "polling_interval": 0,
    },
    task_default_queue=QUEUE,
    # as safe as the others: by default Celery deletes a message before it does the job
    task_acks_late=True,
    task_ignore_result=True,
    # whole batches of ten
    worker_prefetch_multiplier=int(os.environ.get("BENCH_PREFETCH", "10")),
    worker_enable_remote_control=False,
)
job = app.task(handler.handle, name="job")

if __name__ == "__main__":
    for number in range(int(sys.argv[1])):
        job.delay(number)
