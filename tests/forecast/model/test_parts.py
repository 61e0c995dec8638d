"""The parts of a run: clock, record, queue and metrics."""

import math
from dataclasses import replace
from itertools import pairwise
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from ebb.forecast.durations import HOUR
from ebb.forecast.load.workloads import Arrival
from ebb.forecast.model.assumptions import Assumptions, Constant
from ebb.forecast.model.clock import Clock
from ebb.forecast.model.context import Context
from ebb.forecast.model.metrics import Counts, Metrics, Sample, SampleWindow
from ebb.forecast.model.queue import SimulatedQueue
from ebb.forecast.model.record import MAX_POINTS, Line, Record
from ebb.forecast.scenario.scenario import QueueSetup, Scenario, WakeSetup
from ebb.scaling.statistics import StatisticSet
from tests.forecast.scenarios import OUT


def test_events_and_ticks_run_in_the_order_of_time() -> None:
    clock, seen = Clock(-5.0), list[tuple[float, str]]()
    clock.every(10, 3, lambda: seen.append((clock.now, "tick")))
    clock.at(12.0, lambda: seen.append((clock.now, "event")))
    while clock.step(25):
        pass
    assert seen == [(3.0, "tick"), (12.0, "event"), (13.0, "tick"), (23.0, "tick")]
    assert clock.now == 25


def test_skipped_ticks_are_reported_and_later_ticks_keep_their_phase() -> None:
    clock, seen, passed = Clock(0.0), list[float](), list[tuple[int, float]]()
    clock.every(60, 7, lambda: seen.append(clock.now), lambda number, last: passed.append((number, last)))
    clock.step(1000)
    clock.skip(1000)
    clock.step(2000)
    assert (seen, passed) == ([7.0, 1027.0], [(16, 967.0)])


@given(st.lists(st.tuples(st.floats(0.1, 100), st.integers(0, 50)), min_size=1, max_size=60))
def test_a_line_has_the_recorded_changes(changes: list[tuple[float, int]]) -> None:
    line, time, expected = Line(0.0), 0.0, 0
    for after, value in changes:
        time += after
        line.note(time, value)
        expected = value
    points = line.points(0.0)
    assert points[0] == (0.0, 0)
    assert points[-1][1] == expected
    assert all(earlier[0] < later[0] and earlier[1] != later[1] for earlier, later in pairwise(points))


def test_a_long_line_keeps_its_shape_in_constant_memory() -> None:
    line = Line(0.0)
    for second in range(1, 10 * MAX_POINTS):
        line.note(second, round(100 + 100 * math.sin(second / 20_000)))
    points = dict(line.points(0.0))
    assert len(points) <= MAX_POINTS
    assert max(points.values()) == 200
    assert min(value for time, value in points.items() if time) <= 1


def _queue(setup: QueueSetup) -> tuple[SimulatedQueue, Clock, Record]:
    clock, record = Clock(0.0), Record(0.0)
    scenario = Scenario(name="s", queue=setup, wake=WakeSetup(watch=True))
    context = Context(scenario, Assumptions(), clock, record, Random(1), origin=0)
    return SimulatedQueue(context), clock, record


def test_a_group_waits_for_its_message_in_flight_and_keeps_its_order() -> None:
    queue, _, _ = _queue(QueueSetup(fifo=True))
    for number, group in enumerate("aab"):
        queue.send(Arrival(0.0, float(number), group, False))
    first, second = queue.receive(1)[0], queue.receive(1)[0]
    assert ([first.group, second.group], queue.receive(1), queue.visible) == (["a", "b"], [], 1)
    queue.reappear(first, first.delivery)
    assert queue.receive(1) == [first]
    queue.delete(first)
    assert [message.seconds for message in queue.receive(1)] == [1.0]


def test_counts_are_those_of_the_time_that_is_asked_for() -> None:
    queue, clock, _ = _queue(QueueSetup())
    for second in (100, 100, 130, 300):
        while clock.step(second):
            pass
        queue.send(Arrival(float(second), 1.0, "0", False))
    (message,) = queue.receive(1)
    assert [queue.counts(age)[0] for age in (0, 1, 120)] == [3, 3, 3]
    assert queue.counts(0) == (3, 1)
    queue.delete(message)
    assert queue.counts(0) == (3, 0)


def test_a_message_beyond_its_receive_count_is_a_dead_letter() -> None:
    queue, _, record = _queue(QueueSetup(max_receive_count=2))
    queue.send(Arrival(0.0, 1.0, "0", False))
    for _ in range(2):
        (message,) = queue.receive(10)
        queue.reappear(message, message.delivery)
    assert (queue.receive(10), queue.messages, record.dead) == ([], 0, 1)


def test_the_visibility_timeout_of_an_older_delivery_changes_nothing() -> None:
    queue, _, _ = _queue(QueueSetup())
    queue.send(Arrival(0.0, 1.0, "0", False))
    (message,) = queue.receive(1)
    old = message.delivery
    queue.reappear(message, old)
    queue.receive(1)
    queue.reappear(message, old)
    assert (queue.visible, queue.in_flight) == (0, 1)


def test_each_message_expires_after_its_retention() -> None:
    queue, clock, record = _queue(QueueSetup(retention=100))
    queue.send(Arrival(0.0, 1.0, "0", False))
    clock.at(60.0, lambda: queue.send(Arrival(60.0, 1.0, "0", False)))
    left = []
    for until in (99, 101, 159, 161):
        while clock.step(until):
            pass
        left.append(queue.visible)
    assert (left, record.expired) == ([2, 1, 1, 0], 2)


def test_a_data_point_is_known_when_its_minute_is_complete_and_it_has_arrived() -> None:
    rows = SampleWindow(600)
    rows.add(Sample(70.0, 95.0, (StatisticSet.of(4.0),)))
    rows.add(Sample(130.0, 185.0, (StatisticSet.of(6.0),)))
    assert rows.series(0, "Maximum", 60, 3, 119.0) == (None, None, None)
    assert rows.series(0, "Maximum", 60, 3, 121.0) == (None, None, 4.0)
    assert rows.series(0, "Maximum", 60, 3, 181.0) == (None, 4.0, None)
    assert rows.series(0, "Maximum", 60, 3, 186.0) == (None, 4.0, 6.0)


def test_a_longer_period_aggregates_its_minutes() -> None:
    rows = SampleWindow(3600)
    for minute, value in enumerate((1.0, 5.0, 3.0, 2.0)):
        rows.add(Sample(minute * 60.0 + 10, minute * 60.0 + 20, (StatisticSet.of(value, 2),)))
    found = {
        statistic: rows.series(0, statistic, 120, 2, 240.0)
        for statistic in ("Maximum", "Minimum", "Sum", "SampleCount", "Average")
    }
    assert found == {
        "Maximum": (5.0, 3.0),
        "Minimum": (1.0, 2.0),
        "Sum": (12.0, 10.0),
        "SampleCount": (4.0, 4.0),
        "Average": (3.0, 2.5),
    }


def test_a_queue_is_dormant_six_hours_after_its_last_action_and_resumes_late() -> None:
    clock = Clock(0.0)
    assumptions = replace(Assumptions(), publish=Constant(10), resume=Constant(600))
    context = Context(Scenario(name="s", rules=(OUT,)), assumptions, clock, Record(0.0), Random(1), origin=0)
    metrics = Metrics(context, lambda: Counts(visible=0, in_flight=0, running=0, busy=0, worked=0), lambda: False)
    clock.at(8.0 * HOUR, metrics.touch)
    known = []
    for hour in (5.9, 6.2, 8.05, 8.25):
        while clock.step(hour * HOUR):
            pass
        known.append(metrics.of(OUT.alarm)["m"][-2])
    assert known == [0.0, None, None, 0.0]
