"""An alarm in operation: its state, when it acts, and its history.

Source: "Using Amazon CloudWatch alarms" (AlarmThatSendsEmail.html, "Alarm actions") and API_SetAlarmState.
"""

from dataclasses import dataclass

from ebb.scaling.alarms import Alarm, Evaluation, State
from ebb.scaling.expressions import Series

#: Seconds between two invocations of a scaling action by an alarm that stays in its state.
REPEAT = 60


@dataclass(frozen=True)
class Change:
    """An entry of the history: a change of state (time in seconds since the epoch) and its reason."""

    time: float
    before: State
    after: State
    reason: str

    @property
    def summary(self) -> str:
        """HistorySummary of DescribeAlarmHistory."""
        return f"Alarm updated from {self.before} to {self.after}"


class Watch:
    """Evaluates one alarm again and again. A new alarm is in INSUFFICIENT_DATA, and nothing is in its history.

    `acts` says whether the last evaluate() or set() invokes the scaling actions of `state`: "For Auto Scaling actions,
    the alarm continues to invoke the action once per minute while the alarm remains in the new state".
    """

    def __init__(self, alarm: Alarm) -> None:
        self.alarm = alarm
        self.state = State.INSUFFICIENT_DATA
        self.history: list[Change] = []
        self.acts = False
        self._acted = 0.0

    def evaluate(self, series: Series, now: float, end: float) -> Evaluation:
        """Evaluate `series`, whose newest period ends at `end`; due each `alarm.interval` seconds."""
        evaluation = self.alarm.evaluate(series, self.state, end)
        if evaluation.state is not self.state:
            self.set(evaluation.state, evaluation.reason, now)
        else:
            # half an evaluation of tolerance: `now` is a sum of floats
            self.acts = now - self._acted > REPEAT - self.alarm.interval / 2
            self._acted = now if self.acts else self._acted
        return evaluation

    def set(self, state: State, reason: str, now: float) -> None:
        """SetAlarmState: acts at once if the state differs; the next evaluation "returns it to its actual state"."""
        if state is not self.state:
            self.history.append(Change(now, self.state, state, reason))
            self.state, self.acts, self._acted = state, True, now
        else:
            self.acts = False
