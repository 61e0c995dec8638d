"""Your job: put your own code into `handle`.

`handle(job)` is called once per message, one at a time per task. When it returns the job is done and its message
is deleted. When it raises, or its process dies, the attempt has failed: the message comes back after a pause that grows
with `job.attempt`, and after the queue's `max_receive_count` attempts it goes to the dead-letter queue.

What a job must do: be idempotent. SQS delivers at least once, so the same `job.id` may come again, even after it
went well. What it need not do: watch a clock (its lease is kept for up to 12 hours), answer signals or talk to SQS.

The module is imported once and then used for many jobs: load models and open connections at its top level. `/tmp` is
writable. What is printed or logged (`logging`) goes to CloudWatch; log lines carry the job's id.
"""

import logging
import time

from worker.job import Job

log = logging.getLogger(__name__)


def handle(job: Job) -> None:
    """Say hello; a JSON body asks for the rest.

    {"sleep": 2.5}         works for 2.5 seconds
    {"fail_times": 2}      fails at the first two attempts, then goes well
    {"fail": true}         fails at every attempt, and ends in the dead-letter queue
    """
    order = job.json() if job.body.lstrip().startswith("{") else {}
    log.info("Hello from job %s, attempt %d", job.id, job.attempt)
    time.sleep(order.get("sleep", 0))
    if order.get("fail") or job.attempt <= order.get("fail_times", 0):
        raise RuntimeError("failing on purpose, as the message asks")
