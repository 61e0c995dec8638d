"""Your job: put your own code into `handle`.

`handle(job)` is called once per message, in one of the worker's processes; it may be `async def`, too. What becomes of
the message depends on how it ends:

- It returns: the job is done, and the message is deleted.
- It raises anything, or its process dies: the attempt has failed. The message comes back after a pause that grows with
  `job.attempt`; after the queue's `max_receive_count` attempts it goes to the dead-letter queue.
- `raise Retry("why", after=60)`: not now. The same, but the pause is yours, and the log does not call it a failure.
- `raise Reject("why")`: never. The message goes to the dead-letter queue at once, with your reason. `job.json()` does
  so by itself when the body is not JSON.

What a job must do: be idempotent. SQS delivers at least once, so the same `job.id` may come again, even after it
went well. What it need not do: keep its lease, answer signals or talk to SQS. It is stopped at `job.deadline`: at its
time limit if you set one, else after SQS's 12 hours.

The module is imported once and then used for many jobs: load models and open connections at its top level. `/tmp` is
writable. What is printed or logged (`logging`) goes to CloudWatch; log lines carry the job's id.
"""

import logging
import time

from worker.job import Job, Reject, Retry

log = logging.getLogger(__name__)


def handle(job: Job) -> None:
    """Say hello; a JSON body asks for the rest.

    {"sleep": 2.5}         works for 2.5 seconds
    {"fail_times": 2}      fails at the first two attempts, then goes well
    {"fail": true}         fails at every attempt, and ends in the dead-letter queue
    {"retry_after": 60}    asks, at the first attempt, for another in 60 seconds
    {"reject": "why"}      goes to the dead-letter queue at once
    """
    order = job.json() if job.body.lstrip().startswith("{") else {}
    log.info("Hello from job %s, attempt %d", job.id, job.attempt)
    time.sleep(order.get("sleep", 0))
    if "reject" in order:
        raise Reject(order["reject"])
    if "retry_after" in order and job.attempt == 1:
        raise Retry("as the message asks", after=order["retry_after"])
    if order.get("fail") or job.attempt <= order.get("fail_times", 0):
        raise RuntimeError("failing on purpose, as the message asks")
