"""The handler of `make demo` and of the tests: the message says what the job does."""

import logging
import time
from pathlib import Path

from worker.job import Job, Reject, Retry

log = logging.getLogger(__name__)


def handle(job: Job) -> object:
    """Do what a JSON body asks for; another body asks for nothing.

    {"sleep": 2.5}         works for 2.5 seconds, and reports each tenth
    {"until": "/path"}     works until this file exists
    {"result": ...}        this is the job's result
    {"fail_times": 2}      fails at the first two attempts, then succeeds
    {"fail": true}         fails at every attempt, so SQS moves it to the dead-letter queue
    {"retry_after": 60}    the first attempt asks for another one in 60 seconds
    {"reject": "why"}      goes to the dead-letter queue at once
    """
    order = job.json() if job.body.lstrip().startswith("{") else {}
    log.info("Hello from job %s, attempt %d", job.id, job.attempt)
    for tenth in range(10 if order.get("sleep") else 0):
        job.progress(tenth / 10, "sleeping")
        time.sleep(order["sleep"] / 10)
    while "until" in order and not Path(order["until"]).exists():
        time.sleep(0.1)
    if "reject" in order:
        raise Reject(order["reject"])
    if "retry_after" in order and job.attempt == 1:
        raise Retry("as the message asks", after=order["retry_after"])
    if order.get("fail") or job.attempt <= order.get("fail_times", 0):
        raise RuntimeError("failing on purpose, as the message asks")
    return order.get("result")
