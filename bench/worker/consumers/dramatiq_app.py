"""dramatiq_sqs: the `dramatiq` command consumes, this as a program sends."""

import os
import sys

import dramatiq  # type: ignore[import-not-found]  # only in .venv-bench
from dramatiq_sqs import SQSBroker  # type: ignore[import-not-found]

from bench.worker.consumers import handler

# without the Prometheus middleware, which would start a server
dramatiq.set_broker(SQSBroker(middleware=[dramatiq.middleware.Retries(), dramatiq.middleware.TimeLimit()]))
job = dramatiq.actor(handler.handle, actor_name="job", queue_name=os.environ["BENCH_QUEUE"])

if __name__ == "__main__":
    for number in range(int(sys.argv[1])):
        job.send(number)
