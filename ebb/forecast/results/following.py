"""What the job table's parts are used: writes, reads, callers' questions, events."""

import math
from dataclasses import dataclass

from ebb.forecast.model.outcome import Outcome
from ebb.forecast.scenario.scenario import Scenario

#: Write units of one write: the item, and its index by state, in which another state is a delete and a put (DynamoDB
#: developer guide, "Storage considerations for global secondary indexes").
WRITE_UNITS = 3
#: Write units of a job that the API takes: the item is put and then updated, each time with its index.
SUBMIT_UNITS = 4
#: Read units of an item of less than 4 KB (DynamoDB developer guide, "Read consistency").
READ_UNITS = 0.5
#: Seconds between two reads of a running job's item, for a cancellation (worker/core/following.py).
FOLLOW_SECONDS = 5
#: Seconds after which a caller asks again (components/rest_api/templates/job_table.py).
ASK_SECONDS = 5


@dataclass(frozen=True, kw_only=True)
class Following:
    """Write and read units of the table, runs of the workflow that takes a job, questions, events and webhooks."""

    writes: float = 0.0
    reads: float = 0.0
    workflows: float = 0.0
    questions: float = 0.0
    events: float = 0.0
    webhooks: float = 0.0


def following(outcome: Outcome, scenario: Scenario) -> Following:
    """The use in one run; nothing without a table.

    Without a webhook each caller asks once at the end of each ASK_SECONDS until its job is final. Progress that jobs
    report is not in it.
    """
    worker, requests = scenario.worker, outcome.requests
    if not worker.keep_days:
        return Following()
    ended = outcome.done + outcome.dead
    asked = (
        0 if scenario.api.webhook else sum(math.ceil(time / ASK_SECONDS) * n for time, n in outcome.latencies.bins())
    )
    return Following(
        writes=requests.table_writes * WRITE_UNITS + requests.api * SUBMIT_UNITS,
        reads=(outcome.work_seconds / FOLLOW_SECONDS + asked) * READ_UNITS,
        workflows=0 if scenario.wake.direct else requests.api,  # with `direct` the run that starts a task sends too
        questions=asked,
        events=ended if worker.events else 0,
        webhooks=ended if scenario.api.webhook else 0,
    )
