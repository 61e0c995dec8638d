"""The core alone, step by step, where a simulation would show the end but not the way."""

from typing import Any, TypeVar

import pytest

from worker.config import Config
from worker.core.core import NO_CHILD_SECONDS, Core
from worker.core.events import (
    Action,
    Answered,
    ChangeVisibility,
    DeadLetter,
    Denial,
    Ended,
    Exit,
    Kind,
    Message,
    Outcome,
    Protect,
    Protected,
    Ready,
    Receive,
    Received,
    Start,
)
from worker.core.settling import MAX_DEAD_LETTER_TRIES
from worker.job import Job, Result, Verdict

T = TypeVar("T")


class Desk:
    """A core at a time, what it wants done, and what it observed."""

    def __init__(self, **settings: Any) -> None:
        self.now, self.events = 0.0, list[str]()
        basics: dict[str, Any] = {
            "queue_url": "https://queue",
            "dead_letter_url": "https://dead",
            "region": "us-east-1",
            "visibility_timeout": 300,
            "stop_timeout": 120,
            "backoff_base": 10,
            "backoff_cap": 900,
        }
        config = Config(**(basics | settings))
        self.core = Core(config, self._observe, jitter=lambda _, high: high)

    def _observe(self, name: str, _level: int = 0, /, **_fields: Any) -> None:
        self.events.append(name)

    def on(self, *events: Any, after: float = 0.0) -> list[Action]:
        self.now += after
        return self.core.on(self.now, *events)

    def started(self, messages: int = 1) -> list[Start]:
        """Receive so many messages and start their jobs."""
        (receive,) = wanted(self.on(*(Ready(slot) for slot in range(messages))), Receive)
        return wanted(self.on(self.answer(receive, messages)), Start)

    def answer(self, receive: Receive, messages: int) -> Received:
        bodies = (Message(job=Job(id=str(number), body="x"), handle=f"h{number}") for number in range(messages))
        return Received(receive, self.now, tuple(bodies))


def wanted(actions: list[Action], kind: type[T]) -> list[T]:
    return [action for action in actions if isinstance(action, kind)]


def test_a_rejected_job_whose_dead_letter_queue_cannot_be_reached_has_failed_and_comes_back_by_sqss_own_rules() -> None:
    desk = Desk()
    (start,) = desk.started()
    actions = desk.on(Ended(start.slot, Result(verdict=Verdict.REJECT, reason="never"), alive=True))
    for _ in range(MAX_DEAD_LETTER_TRIES + 1):
        (dead,) = wanted(actions, DeadLetter)
        assert dead.reason == "never"
        answered = Answered(dead, desk.now, {"h0": Outcome(Kind.RETRYABLE, "unreachable")})
        actions = desk.on(answered) + desk.on(after=6)
    (hide,) = wanted(actions, ChangeVisibility)
    assert [seconds for _, seconds in hide.entries] == [10]
    desk.on(Answered(hide, desk.now, {"h0": Outcome(Kind.OK)}))
    assert desk.events[-1] == "job_failed"


@pytest.mark.parametrize(("attempt", "pause"), [(1, 0), (2, 900)])
def test_a_job_that_blocked_tasks_hand_on_is_free_at_once_and_then_at_length(attempt: int, pause: int) -> None:
    desk = Desk(agent_uri="http://agent")
    (proof,) = wanted(desk.on(), Protect)
    (receive,) = wanted(desk.on(Protected(proof, 0.0), Ready(0)), Receive)
    message = Message(job=Job(id="0", body="x", attempt=attempt), handle="h0")
    (protect,) = wanted(desk.on(Received(receive, 0.0, (message,))), Protect)
    (hide,) = wanted(desk.on(Protected(protect, 0.0, Denial.BLOCKED, "DEPLOYMENT_BLOCKED")), ChangeVisibility)
    assert [seconds for _, seconds in hide.entries] == [pause]


def test_what_is_given_back_waits_for_a_receive_in_flight_that_would_bring_it_straight_back() -> None:
    desk = Desk(concurrency=2, agent_uri="http://agent")
    (proof,) = wanted(desk.on(), Protect)
    (receive,) = wanted(desk.on(Protected(proof, 0.0), Ready(0), Ready(1)), Receive)
    first = desk.answer(receive, 1)
    actions = desk.on(first)
    (protect,) = wanted(actions, Protect)
    (second,) = wanted(actions + desk.on(after=1), Receive)
    blocked = Protected(protect, desk.now, Denial.BLOCKED, "DEPLOYMENT_BLOCKED")
    assert wanted(desk.on(blocked), ChangeVisibility) == []
    (hide,) = wanted(desk.on(Received(second, desk.now), after=15), ChangeVisibility)
    assert [(message.handle, seconds) for message, seconds in hide.entries] == [("h0", 0)]
    (leave,) = wanted(desk.on(Answered(hide, desk.now, {"h0": Outcome(Kind.OK)})), Exit)
    assert leave.code == 0


@pytest.mark.parametrize("after_a_job", [False, True])
def test_a_worker_is_stuck_when_no_child_has_been_fit_for_a_job_for_minutes(after_a_job: bool) -> None:
    desk = Desk()
    desk.on()
    if after_a_job:
        (start,) = desk.started()
        desk.on(Ended(start.slot, Result(verdict=Verdict.FAILED, reason="crash"), alive=False))
    desk.on(after=NO_CHILD_SECONDS - 1)
    assert not desk.core.stuck(desk.now)
    desk.on(after=2)
    assert desk.core.stuck(desk.now)
    desk.on(Ready(0))
    assert not desk.core.stuck(desk.now)
