"""The alarm on a watcher that fails: in time when tasks run, silent while all is well or the service is idle."""

from collections.abc import Sequence

import pytest

from ebb.scaling import expressions
from policy import monitoring
from settings import Scaling, Settings

PLAN = monitoring.alarms(Settings(scaling=Scaling(watch=True)))["watcher"]
#: Successful runs and running tasks of a period: None without a data point.
Period = tuple[float | None, float | None]


def in_alarm(*periods: Period) -> bool:
    """Whether all of these periods breach, so that the alarm goes into ALARM."""
    assert PLAN.expression is not None
    assert len(periods) == PLAN.evaluation_periods == PLAN.datapoints_to_alarm
    succeeded, running = zip(*periods, strict=True)
    points = expressions.parse(PLAN.expression).evaluate({"s": succeeded, "r": running})
    assert isinstance(points, Sequence)
    return all(point is not None and point >= PLAN.threshold for point in points)


@pytest.mark.parametrize("way", ["watch", "direct"])
def test_each_watcher_has_it_and_no_other_stack(way: str) -> None:
    assert "watcher" in monitoring.alarms(Settings(scaling=Scaling.model_validate({way: True})))
    assert "watcher" not in monitoring.alarms(Settings())


def test_a_task_that_runs_without_a_watcher_is_told_after_a_quarter_of_an_hour() -> None:
    assert PLAN.period * PLAN.evaluation_periods == 15 * 60
    assert in_alarm((None, 5), (None, 5), (None, 5))
    assert in_alarm((0, 50), (None, 5), (0, 3))


@pytest.mark.parametrize(
    "healthy",
    [(5, 5), (1, 50), (None, None), (5, None), (None, 2)],
    ids=["a task", "one success of five", "idle and dead", "idle", "a task that crashes"],
)
def test_one_period_that_is_well_or_without_tasks_keeps_it_silent(healthy: Period) -> None:
    for place in range(3):
        periods: list[Period] = [(None, 50)] * 3
        periods[place] = healthy
        assert not in_alarm(*periods)
