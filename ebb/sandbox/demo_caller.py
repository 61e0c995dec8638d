"""The demo's caller of the API with a job table: it asks for one job until its result, and cancels another."""

from typing import Any, NamedTuple

from ebb.sandbox.client import Client

#: What the long job returns.
RESULT = {"frames": 240}


class Said(NamedTuple):
    """A request, its status and what the answer says of the job. `seconds`: real ones, as those of the timeline."""

    seconds: float
    request: str
    status: int
    words: str


class Caller:
    """Asks for the job `long` and for the job `cancelled`, which it cancels as soon as it runs."""

    def __init__(self, client: Client, long: str, cancelled: str) -> None:
        self._client, self._long, self._cancelled = client, long, cancelled
        self._words: dict[str, str] = {}
        self.said: list[Said] = []
        #: The latest answer about each job.
        self._jobs: dict[str, dict[str, Any]] = {long: {}, cancelled: {}}
        #: Whether the progress of the long job was seen while it ran.
        self.progress = False
        #: The status of the cancellation; 0 before.
        self.cancellation = 0

    def look(self, seconds: float) -> None:
        """Ask for each job that has not ended, and cancel the one that runs."""
        for job in (self._long, self._cancelled):
            if "finished" not in self._jobs[job]:
                self._ask("GET", job, seconds)
        long, cancelled = self._jobs[self._long], self._jobs[self._cancelled]
        self.progress = self.progress or (long.get("state") == "running" and long.get("progress", 0) > 0)
        if cancelled.get("state") == "running" and not self.cancellation:
            self.cancellation = self._ask("DELETE", self._cancelled, seconds)

    def _ask(self, method: str, job: str, seconds: float) -> int:
        """One request. It is noted if it says something new."""
        answer = self._client.ask(method, f"/jobs/{job}")
        self._jobs[job] = answer.body
        words = _words(answer.body)
        if method != "GET" or self._words.get(job) != words:
            self._words[job] = words
            self.said.append(Said(seconds, f"{method} /jobs/{job[:8]}…", answer.status, words))
        return answer.status

    def checks(self) -> list[tuple[bool, str]]:
        """What must have been seen, each with its sentence."""
        long, cancelled = self._jobs[self._long], self._jobs[self._cancelled]
        return [
            (self.progress, "the API shows the progress of the long job while it runs"),
            (long.get("result") == RESULT, f"the API has the long job's result {RESULT}, not {long.get('result')}"),
            (self.cancellation == 202, f"the cancellation is answered 202, not {self.cancellation}"),
            (
                cancelled.get("state") == "cancelled",
                f"the job that is cancelled ends as cancelled, not {cancelled.get('state')}",
            ),
        ]


def _words(job: dict[str, Any]) -> str:
    """The job in a few words, such as `running, progress 0.4 (sleeping)`."""
    parts = [str(job.get("state"))]
    if job.get("state") == "running" and "progress" in job:
        parts.append(f"progress {job['progress']} ({job.get('note', '')})")
    if "result" in job:
        parts.append(f"result {job['result']}")
    return ", ".join(parts)
