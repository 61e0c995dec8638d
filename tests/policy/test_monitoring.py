"""The operators' alarms on waiting jobs: silent while all is well, in time when it is not."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ebb.scaling.alarms import Alarm, Metric, Query, State
from policy import monitoring
from settings import Queue, Scaling, Settings, Step, WarmHours, Worker

HOUR, DAY = 3600, 24 * 3600


@st.composite
def stacks(draw: st.DrawFn) -> Settings:
    fifo = draw(st.booleans())
    lower = draw(st.integers(0, 1000))
    return Settings(
        queue=Queue(
            fifo=fifo,
            retention_days=draw(st.integers(1, 13)),
            visibility_timeout=draw(st.integers(0, 43_200)),
            max_receive_count=draw(st.integers(1, 1000)),
        ),
        worker=Worker(
            job_timeout=draw(st.none() | st.integers(1, 43_200)),
            concurrency=draw(st.integers(1, 100)),
            backoff_base=draw(st.floats(0.1, 43_200)),
            backoff_cap=draw(st.floats(0.1, 43_200)),
        ),
        scaling=Scaling(
            min_tasks=draw(st.integers(0, 2)),
            max_tasks=draw(st.integers(2, 5000)),
            seconds_per_job=draw(st.floats(0.01, 43_200)),
            tolerated_wait=draw(st.floats(0, 100_000)),
            cooldown=draw(st.integers(0, 100_000)),
            steps=draw(st.sampled_from([(), (Step(lower=lower, change=1),)])),
            watch=draw(st.booleans()),
            warm_hours=draw(st.sampled_from([(), (WarmHours(start="08:00", stop="18:00", min_tasks=2),)])),
        ),
    )


class Minute(NamedTuple):
    """The data points of a minute: messages waiting and in flight, and running tasks."""

    waiting: float | None = 0
    in_flight: float | None = 0
    tasks: int = 0


def stalled(minutes: Sequence[Minute]) -> list[bool]:
    """Whether the alarm `stalled` is in ALARM in each minute."""
    plan = monitoring.alarms(Settings())["stalled"]
    assert plan.expression is not None
    visible, invisible, running = metrics = tuple(
        Metric(namespace=each.namespace, name=each.name, dimensions=(), statistic=each.statistic)
        for each in plan.metrics
    )
    assert [metric.statistic for metric in metrics] == ["Minimum", "Maximum", "SampleCount"]
    alarm = Alarm(
        name="stalled",
        period=plan.period,
        evaluation_periods=plan.evaluation_periods,
        datapoints_to_alarm=plan.datapoints_to_alarm,
        threshold=plan.threshold,
        comparison=plan.comparison,
        missing=plan.missing,
        queries=(
            *(Query(id=name, source=metric) for name, metric in zip("vnr", metrics, strict=True)),
            Query(id="e", source=plan.expression),
        ),
        watched="e",
    )
    length = plan.period // 60
    state, states = State.INSUFFICIENT_DATA, []
    for now in range(1, len(minutes) + 1):
        ends = [now - length * age for age in reversed(range(alarm.range))]
        periods = [minutes[max(0, end - length) : max(0, end)] for end in ends]
        points: dict[Metric, tuple[float | None, ...]] = {
            visible: tuple(min((m.waiting for m in each if m.waiting is not None), default=None) for each in periods),
            invisible: tuple(
                max((m.in_flight for m in each if m.in_flight is not None), default=None) for each in periods
            ),
            running: tuple(sum(m.tasks for m in each) or None for each in periods),
        }
        state = alarm.evaluate(alarm.series(points), state, 60.0 * now).state
        states.append(state is State.ALARM)
    return states


@pytest.mark.parametrize(
    "day",
    [
        [Minute()] * 1440,
        [Minute(0, None)] * 1440,
        [Minute(500, 4, 4)] * 1440,  # a backlog that all tasks work on
        [Minute(0, 1, 1)] * 1440,  # a job of a day
        [Minute(), *[Minute(5)] * 29, *[Minute(4, 1, 1)] * 10] * 30,  # the longest wake-up, again and again
        [Minute(0, 0, 1), Minute(1, 0, 1), Minute(0, 1, 1)] * 480,  # short jobs, again and again
    ],
    ids=["idle", "idle without data", "backlog", "long job", "wake-ups", "short jobs"],
)
def test_an_idle_day_and_a_busy_one_are_silent(day: list[Minute]) -> None:
    assert not any(stalled(day))


@pytest.mark.parametrize(
    "minute",
    [
        Minute(1, 0, 0),  # no task can start
        Minute(1, None, 0),
        Minute(1, 0, 2),  # tasks run and receive nothing
        Minute(0, 1, 0),  # a worker that failed gave it back with a delay
    ],
    ids=["no task", "no data in flight", "idle tasks", "given back"],
)
def test_a_job_that_nothing_works_on_is_told_after_35_minutes_and_once(minute: Minute) -> None:
    states = stalled([Minute()] * 10 + [minute] * 120 + [Minute()] * 40)
    changes = [now for now in range(1, 170) if states[now] != states[now - 1]]
    assert [10 + 35 - 5 <= changes[0] <= 10 + 35, 130 <= changes[1] <= 140, len(changes)] == [True, True, 2]


def test_a_crash_each_quarter_of_an_hour_does_not_silence_it_and_nor_does_a_minute_without_data() -> None:
    assert stalled([Minute(0, 1, int(minute % 15 == 0)) for minute in range(60)])[-1]
    assert stalled([Minute(None if minute % 3 else 1, None) for minute in range(60)])[-1]


@given(stacks())
def test_whoever_is_named_hears_long_before_a_job_expires(settings: Settings) -> None:
    retention = settings.queue.retention_days * DAY
    assert 0 < monitoring.oldest_seconds(settings) <= retention / 2
    assert 0 < monitoring.stalled_seconds(settings) <= retention / 4
    # CloudWatch API, PutMetricAlarm: periods below an hour are evaluated over a day at most
    assert monitoring.stalled_seconds(settings) <= DAY


@given(stacks())
def test_a_dead_letter_s_alarm_comes_while_half_of_its_time_is_left(settings: Settings) -> None:
    left_at_its_move = (14 - settings.queue.retention_days) * DAY
    assert 0 < monitoring.dead_letter_seconds(settings) <= left_at_its_move / 2


@given(stacks())
def test_a_running_job_and_its_retries_are_not_too_old_unless_they_take_half_of_the_retention(
    settings: Settings,
) -> None:
    queue, worker = settings.queue, settings.worker
    attempts = queue.max_receive_count if queue.fifo else min(3, queue.max_receive_count)
    delays = sum(min(worker.backoff_cap, worker.backoff_base * 2.0 ** min(k, 1000)) for k in range(attempts - 1))
    runs = attempts * (worker.job_timeout or 12 * HOUR)
    threshold = monitoring.oldest_seconds(settings)
    assert threshold >= min(runs + delays, queue.retention_days * DAY / 2) - 1


@given(stacks(), st.data())
def test_a_longer_wait_in_a_setting_never_makes_an_alarm_earlier(settings: Settings, data: st.DataObject) -> None:
    section, name, more = data.draw(
        st.sampled_from(
            [
                ("worker", "job_timeout", 43_200),
                ("worker", "backoff_cap", 43_200),
                ("queue", "max_receive_count", 1000),
                ("scaling", "tolerated_wait", 200_000),
                ("scaling", "seconds_per_job", 43_200),
                ("scaling", "cooldown", 200_000),
            ]
        )
    )
    changed = getattr(settings, section).model_copy(update={name: more})
    longer = settings.model_copy(update={section: changed})
    assert monitoring.oldest_seconds(longer) >= monitoring.oldest_seconds(settings)
    assert monitoring.stalled_seconds(longer) >= monitoring.stalled_seconds(settings)


@given(st.integers(1, 1000), st.floats(0.1, 43_200), st.floats(0.1, 43_200))
def test_the_backoffs_are_the_sum_of_the_worker_s_longest_delays(attempts: int, base: float, cap: float) -> None:
    delays = [min(cap, base * 2.0 ** min(retry, 1000)) for retry in range(attempts - 1)]
    assert monitoring.backoffs(attempts, base, cap) == pytest.approx(sum(delays))


@pytest.mark.parametrize(
    ("scaling", "least"),
    [
        ({}, 1),
        ({"steps": (Step(lower=10, change=1),)}, 10),
        ({"steps": (Step(lower=0, change=1),)}, 1),
        ({"steps": (Step(lower=10, change=1),), "watch": True}, 1),
        ({"steps": (Step(lower=10, change=1),), "min_tasks": 1}, 1),
        ({"steps": (Step(lower=10, change=1),), "direct": True}, 1),
    ],
)
def test_fewer_messages_than_start_a_task_may_wait(scaling: dict[str, Any], least: float) -> None:
    settings = Settings(scaling=Scaling(**scaling))
    assert monitoring.least_waiting(settings) == least
    assert monitoring.alarms(settings)["stalled"].threshold == least


@pytest.mark.parametrize(
    ("settings", "stalled_minutes", "oldest_seconds"),
    [
        (Settings(), 35, 2 * DAY),
        (Settings(worker=Worker(job_timeout=60)), 35, 35 * 60 + 4 * HOUR + 60 + 3 * 360 + 30),
        (Settings(queue=Queue(retention_days=1)), 35, DAY / 2),
        (Settings(scaling=Scaling(steps=(Step(lower=1, change=1),), cooldown=600)), 45, 2 * DAY),
        (
            Settings(queue=Queue(fifo=True), worker=Worker(job_timeout=60)),
            35,
            35 * 60 + 4 * HOUR + 2 * (5 * 360 + 10 + 20 + 40 + 80),
        ),
    ],
)
def test_the_thresholds_follow_from_the_settings(
    settings: Settings, stalled_minutes: int, oldest_seconds: float
) -> None:
    assert monitoring.stalled_seconds(settings) == 60 * stalled_minutes
    assert monitoring.oldest_seconds(settings) == oldest_seconds
