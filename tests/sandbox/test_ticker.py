"""The thread that runs a callback once per interval of simulated time."""

import threading
import time
from itertools import pairwise

import pytest
from botocore.exceptions import ClientError

from ebb.sandbox.controllers.ticker import Ticker
from ebb.sandbox.emulators.clock import Clock
from ebb.sandbox.emulators.events import Events
from tests.helpers.waiting import until


class Place:
    """A clock and events, no emulators."""

    def __init__(self, speed: float) -> None:
        self.clock = Clock(speed)
        self.events = Events(self.clock)

    def client(self, service: str) -> None:
        raise AssertionError(service)


def test_ticks_come_once_per_interval_at_their_phase() -> None:
    place = Place(speed=600)
    ticks: list[float] = []
    ticker = Ticker(place, "t", lambda: ticks.append(place.clock.now()), interval=60, phase=30)
    ticker.start()
    until(lambda: len(ticks) >= 3)
    ticker.stop()
    boundaries = [(tick - 30) // 60 for tick in ticks]
    assert boundaries == sorted(set(boundaries))
    assert "t" not in {thread.name for thread in threading.enumerate()}


def test_a_slow_tick_skips_the_boundaries_that_it_missed() -> None:
    place = Place(speed=6000)
    starts: list[float] = []

    def slow() -> None:
        starts.append(place.clock.now())
        time.sleep(0.025)  # two and a half boundaries

    ticker = Ticker(place, "t", slow, interval=60, phase=0)
    ticker.start()
    until(lambda: len(starts) >= 4)
    ticker.stop()
    assert all(later - earlier > 120 for earlier, later in pairwise(starts))


def test_an_error_is_an_event_only_once_and_the_ticks_continue() -> None:
    place = Place(speed=6000)
    ticks: list[int] = []

    def fail() -> None:
        ticks.append(1)
        raise ValueError("no such thing" if len(ticks) < 4 else "another thing")

    ticker = Ticker(place, "t", fail, interval=60, phase=0)
    ticker.start()
    until(lambda: len(ticks) >= 6)
    ticker.stop()
    assert [(event.kind, event.text) for event in place.events] == [
        ("error", "t: ValueError: no such thing"),
        ("error", "t: ValueError: another thing"),
    ]


@pytest.mark.parametrize("code", ["ServiceNotFoundException", "AWS.SimpleQueueService.NonExistentQueue"])
def test_a_resource_that_is_gone_is_not_an_error(code: str) -> None:
    place = Place(speed=6000)
    ticks: list[int] = []

    def fail() -> None:
        ticks.append(1)
        raise ClientError({"Error": {"Code": code, "Message": "gone"}}, "Any")

    ticker = Ticker(place, "t", fail, interval=60, phase=0)
    ticker.start()
    until(lambda: len(ticks) >= 3)
    ticker.stop()
    assert len(place.events) == 0


def test_stop_without_start_does_nothing() -> None:
    Ticker(Place(speed=60), "t", lambda: None, interval=60, phase=0).stop()


def test_a_trigger_makes_one_more_tick_at_once() -> None:
    place = Place(speed=1)
    ticks: list[float] = []
    ticker = Ticker(place, "t", lambda: ticks.append(place.clock.now()), interval=3600, phase=0)
    ticker.start()
    for count in (1, 2):
        ticker.trigger()
        until(lambda count=count: len(ticks) == count)  # type: ignore[misc]
    ticker.stop()
    assert len(ticks) == 2
