"""Events about jobs that have ended, on EventBridge's default bus. A receiver may get one more than once."""

import json
import time
from collections.abc import Callable, Mapping
from typing import Any

from worker.aws.errors import RETRYABLE_ERRORS
from worker.core.events import Answered, Kind, Notify, Outcome

SOURCE = "ebb"
#: A longer event has no result. The limit of an entry is 256 KB (EventBridge API, PutEvents).
MAX_DETAIL_BYTES = 200_000
#: What an event, and the API, show of an item, if it is there.
SHOWN = (
    *("id", "state", "created", "at", "started", "finished", "attempt", "progress", "note", "result", "error"),
    *("reference", "group"),
)


class EventBus:
    """The default bus of the account and region. `stack`: the queue's name, in each event."""

    def __init__(self, client: Any, stack: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._client, self._stack, self._clock = client, stack, clock

    def notify(self, call: Notify) -> Answered:
        """Send the event about a job that has ended: OK or RETRYABLE."""
        asked_at = self._clock()
        return Answered(call, asked_at, {call.message.handle: self._send(call.ended)})

    def _send(self, ended: Mapping[str, Any]) -> Outcome:
        entry = {
            "Source": SOURCE,
            "DetailType": f"Job {str(ended['state']).capitalize()}",
            "Detail": detail(ended, self._stack),
        }
        try:
            answer = self._client.put_events(Entries=[entry])
            failed = next((each for each in answer["Entries"] if "ErrorCode" in each), None)
        except (*RETRYABLE_ERRORS, KeyError) as error:
            return Outcome(Kind.RETRYABLE, str(error))
        if failed:
            return Outcome(Kind.RETRYABLE, f"{failed['ErrorCode']}: {failed.get('ErrorMessage')}")
        return Outcome(Kind.OK)


def detail(job: Mapping[str, Any], stack: str) -> str:
    """The job as JSON, as the API shows it, and the stack's queue."""
    shown = {name: job[name] for name in SHOWN if name in job} | {"stack": stack}
    if "result" in shown:
        shown["result"] = json.loads(shown["result"])
    text = json.dumps(shown)
    if len(text) > MAX_DETAIL_BYTES:
        shown.pop("result", None)
        text = json.dumps(shown)
    return text
