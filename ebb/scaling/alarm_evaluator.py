"""An alarm in operation: its state over time, and when it invokes scaling actions."""

import math

from ebb.scaling.alarms import Alarm, Evaluation, State
from ebb.scaling.expressions import Series

#: "For Auto Scaling actions, the alarm continues to invoke the action once per minute while the alarm remains in the
#: new state" (AlarmThatSendsEmail.html, "Alarm actions").
REPEAT_SECONDS = 60


class AlarmEvaluator:
    """Evaluates one alarm repeatedly. `acts`: the last evaluation invokes the scaling actions of `state`."""

    def __init__(self, alarm: Alarm) -> None:
        self.alarm = alarm
        self.state = State.INSUFFICIENT_DATA
        self.acts = False
        self._acted = -math.inf

    def evaluate(self, series: Series, now: float, end: float) -> Evaluation:
        """Evaluate `series`, whose newest period ends at `end`. The caller does so every `alarm.interval` seconds."""
        evaluation = self.alarm.evaluate(series, self.state, end)
        # half an interval of tolerance, because `now` is a sum of floats
        repeats = now - self._acted > REPEAT_SECONDS - self.alarm.interval / 2
        self.acts = evaluation.state is not self.state or repeats
        self.state = evaluation.state
        if self.acts:
            self._acted = now
        return evaluation
