"""A stack in memory: what the page may see, and what it asked for."""

import time
from dataclasses import dataclass, field
from typing import Any

from ebb.errors import UserError

NOW = 1_700_000_000.0
JOB: dict[str, Any] = {"id": "job-1", "state": "running", "created": NOW - 30, "started": NOW - 9, "attempt": 2}


@dataclass
class StubSource:
    """Each call is written down; `away` is why the stack does not answer."""

    sandbox: bool = True
    seconds: float = 0.2
    away: str = ""
    calls: list[tuple[Any, ...]] = field(default_factory=list)
    jobs: list[dict[str, Any]] | None = field(default_factory=lambda: [JOB | {"progress": 0.4, "reference": "order-1"}])

    def _call(self, *call: Any) -> None:
        self.calls.append(call)
        if self.away:
            raise UserError(self.away)

    def state(self) -> dict[str, Any]:
        self._call("state")
        counts = {"waiting": 12, "in_flight": 3, "delayed": 1, "oldest": 75.0, "dead": 2}
        tasks = {
            "desired": 4,
            "running": 3,
            "minimum": 0,
            "maximum": 8,
            "paused": False,
            "muted": ["night"],
            "dollars": 1.5,
        }
        alarms = [
            {"name": "scaling-out", "state": "ALARM", "scales": True, "see": ""},
            {"name": "scaling-zero", "state": "OK", "scales": True, "see": ""},
            {"name": "oldest", "state": "ALARM", "scales": False, "see": "docs/runbook.md#oldest"},
        ]
        return {
            "stack": "stub",
            "place": "sandbox, 60 times as fast as AWS",
            "sandbox": self.sandbox,
            "example": '{"sleep": 5}',
            "now": time.time(),
            "alarms": alarms,
            "jobs": self.jobs,
            "requests_a_minute": 210,
            "most_jobs": 50,
            **counts,
            **tasks,
        }

    def search(self, text: str) -> list[dict[str, Any]]:
        self._call("search", text)
        return [job for job in self.jobs or [] if text in {job["id"], job.get("reference")}]

    def story(self, job_id: str) -> dict[str, Any]:
        self._call("story", job_id)
        steps = [{"time": NOW - 30, "source": "table", "sentence": "The job was accepted."}]
        return {"job": JOB, "steps": steps}

    def send(self, body: str, reference: str | None) -> str:
        self._call("send", body, reference)
        return "job-2"

    def dead_letters(self) -> list[dict[str, Any]]:
        self._call("dead_letters")
        sent = {"sent": NOW - 60, "error": "RuntimeError: <b>no</b>"}
        return [{"id": f"m{each}", "job": f"job-{each}", "body": '{"a": 1}', **sent} for each in (1, 2)]

    def redrive(self, ids: list[str] | None) -> int:
        self._call("redrive", ids)
        return 2 if ids is None else len(ids)
