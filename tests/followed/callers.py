"""Callers of the API: each submits a job, repeats it when it hears nothing, may cancel it, and checks what it hears."""

import hashlib
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from components.workflows.header_rules import HEADERS
from tests.components.workflows.states import Ended
from tests.followed.execution import Execution, Over
from tests.worker.faults import Fault
from worker.core.endings import FINAL, JobState

if TYPE_CHECKING:
    from tests.followed.region import Followed

#: How often a caller repeats a request that had no clear answer, and seconds between.
TRIES = 12
#: Faults of the way to the API in which the request does not arrive, and in which its answer does not.
UNHEARD = {Fault.LOST_REQUEST, Fault.THROTTLED}
UNANSWERED = {Fault.LOST_RESPONSE, Fault.LATE}
Start = Callable[[Over], None]


class Caller:
    """One job's caller, with an Idempotency-Key or without."""

    def __init__(self, sim: "Followed", number: int) -> None:
        self._sim, self._random, self._judge = sim, sim.random, sim.judge
        self._body, self._key = str(number), f"key-{number}" if sim.random.random() < 0.7 else ""
        self._headers = self._drawn_headers(number)
        self.job_id = hashlib.sha256(self._key.encode()).hexdigest()[:32] if self._key else None
        #: The answer that accepted it.
        self.accepted: str | None = None
        #: Runs whose answer is a refusal, with its status.
        self.refused: list[tuple[int, Execution]] = []
        self._tries = self._cancels = 0
        #: Requests in flight or to come.
        self.busy = 0
        rng = self._random
        self._later(0, self._submit)
        if self._key and rng.random() < 0.2:  # a proxy repeats it
            self._later(rng.choice([0, 0.02, 1, 35]), self._submit)
        if self._key and rng.random() < 0.1:
            self._later(rng.uniform(0, 60), self._submit_other)
        if rng.random() < 0.25:
            self._later(rng.choice([0.05, 1, 10, 100, 1000]) * rng.random(), self._cancel)

    def _drawn_headers(self, number: int) -> dict[str, str]:
        found = dict.fromkeys(HEADERS.values(), "") | {"key": self._key}
        if self._sim.config.fifo:
            found["group"] = f"g{number % 5}"
        dice = self._random.random()
        if dice < 0.25:
            found["delay"] = str(self._random.choice([0, 5, 100, 900, 901, 2000]))
        elif dice < 0.35:
            at = self._sim.now + self._random.choice([-5, 5, 40, 300])
            found["at"] = datetime.fromtimestamp(int(at), UTC).isoformat()
        return found

    def _later(self, seconds: float, what: Callable[[], None]) -> None:
        self.busy += 1

        def now() -> None:
            what()
            self.busy -= 1

        self._sim.after(seconds, now)

    def _request(
        self, start: Start, heard: Callable[[Execution, Ended | None], None], unheard: Callable[[], None]
    ) -> None:
        """A request over a network that may lose it, or its answer."""
        fault = self._sim.fault()
        if fault in UNHEARD:
            self._later(8, unheard)
            return
        self.busy += 1

        def over(execution: Execution, end: Ended | None) -> None:
            if fault in UNANSWERED:
                unheard()
            else:
                heard(execution, end)
            self.busy -= 1

        start(over)

    # -- submit

    def _submit(self) -> None:
        given = {"body": self._body, **self._headers}
        self._tries += 1
        self._request(lambda over: self._sim.region.submit(given, over), self._answered, self._again)

    def _again(self) -> None:
        # without a key a repeat would be another job
        if self._key and not self.accepted and self._tries < TRIES:
            self._later(self._random.choice([0.1, 1, 5, 31]), self._submit)

    def _answered(self, execution: Execution, end: Ended | None) -> None:
        if end is None:
            self._judge.counts["answer 5xx of a lost workflow"] += 1
            self._again()
            return
        self._judge.check(end.status == "SUCCEEDED", f"submit failed: {end.error}", str(execution.job_id))
        status = end.output["status"]
        self._judge.counts[f"answer {status}"] += 1
        self._judge.note("caller", ("hears", status, str(execution.job_id)))
        if status == 202:
            self._is_accepted(end.output["body"])
        elif status == 409:
            self._again()
        else:
            self._judge.check(status >= 500, f"the caller's own request is {end.output['body']}", str(execution.job_id))
            self.refused.append((status, execution))
            self._again()

    def _is_accepted(self, body: str) -> None:
        job_id = json.loads(body)["id"]
        self._judge.check(self.job_id in {None, job_id}, "a key has two ids", job_id)
        self._judge.check(self.accepted in {None, body}, f"another answer: {self.accepted} {body}", job_id)
        self._judge.check(self._sim.jobs.known(job_id), "an accepted job is unknown", job_id)
        self.job_id, self.accepted = job_id, body
        self._sim.jobs.accepted.add(job_id)

    def _submit_other(self) -> None:
        """The same key with another job."""
        if self.accepted:
            given = {"body": f"{self._body} other", **self._headers}
            self._request(lambda over: self._sim.region.submit(given, over), self._other_answered, lambda: None)

    def _other_answered(self, execution: Execution, end: Ended | None) -> None:
        if end is not None:
            status = end.output["status"]
            self._judge.counts[f"answer {status} to another job"] += 1
            self._judge.check(status == 422 or status >= 500, f"another job's answer is {status}", str(self.job_id))
            self._judge.check(not execution.sent, "another job with the same key is sent", str(self.job_id))

    # -- cancel

    def _cancel(self) -> None:
        if self.job_id and self._cancels < TRIES:
            id_ = self.job_id
            self._cancels += 1
            accepted = self.accepted is not None
            self._request(
                lambda over: self._sim.region.cancel(id_, over),
                lambda _, end: self._cancelled(end, accepted=accepted),
                lambda: self._later(1, self._cancel),
            )

    def _cancelled(self, end: Ended | None, *, accepted: bool) -> None:
        job_id, judge = str(self.job_id), self._judge
        if end is None:
            self._later(1, self._cancel)
            return
        judge.check(end.status == "SUCCEEDED", f"cancel failed: {end.error}", job_id)
        status = end.output["status"]
        judge.counts[f"cancel {status}"] += 1
        judge.note("caller", ("cancels", status, job_id))
        if status >= 500:
            self._later(1, self._cancel)
        elif status == 404:
            judge.check(not accepted, "an accepted job is unknown", job_id)
        else:
            state = JobState(json.loads(end.output["body"])["state"]) if "stalled" not in end.output["body"] else None
            judge.check(status != 200 or state in FINAL, f"200 to a cancel of a job that is {state}", job_id)
            judge.check(state in {None, JobState.RUNNING} or state in FINAL, f"cancelled, and {state}", job_id)
