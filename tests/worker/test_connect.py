"""A worker that starts while AWS does not answer its first calls."""

import logging
import os
import time
from functools import partial
from typing import Any

import pytest

from tests.worker.configs import config
from worker import __main__ as program
from worker import logs
from worker.aws.clients import ClientSetupError, CredentialsError
from worker.aws.table import JobTableError
from worker.config import Config
from worker.core import backoff
from worker.core.events import StopRequested
from worker.inbox import Inbox

SETTINGS = config(start_timeout=60)


class Clock(Inbox):
    """An inbox whose waits take no time, and its clock."""

    now = 0.0
    stop_at = float("inf")

    def __init__(self) -> None:
        super().__init__()
        self.waits: list[float] = []

    def get(self, seconds: float) -> list[Any]:
        self.waits.append(seconds)
        self.now += seconds
        return [StopRequested()] if self.now >= self.stop_at else []


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(backoff, "backoff", partial(backoff.backoff, jitter=lambda _, longest: longest))
    monkeypatch.setattr(time, "monotonic", lambda: clock.now)
    return clock


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    lines: list[tuple[str, str]] = []
    monkeypatch.setattr(
        logs,
        "event",
        lambda name, level=logging.INFO, /, **fields: lines.append((name, str(fields.get("consequence")))),
    )
    return lines


def connect(monkeypatch: pytest.MonkeyPatch, clock: Clock, error: Exception, works_at: float) -> Any:
    def make(_: Config) -> Any:
        if clock.now < works_at:
            raise error
        return "queue", "table", None

    monkeypatch.setattr(program, "_clients", make)
    return program._connect(SETTINGS, clock)


TROUBLE = [(CredentialsError("500"), "no_credentials"), (JobTableError("no table"), "table_refused")]


@pytest.mark.parametrize(("error", "name"), TROUBLE)
def test_a_call_that_fails_is_made_again_with_growing_pauses_until_it_succeeds(
    monkeypatch: pytest.MonkeyPatch, clock: Clock, lines: list[tuple[str, str]], error: Exception, name: str
) -> None:
    assert connect(monkeypatch, clock, error, works_at=8) == ("queue", "table", None)
    assert clock.waits == [1, 2, 4, 8]
    assert lines == [(name, "receives nothing; asks again")] * 4


@pytest.mark.parametrize(("error", "name"), TROUBLE)
def test_after_the_start_timeout_the_worker_ends(
    monkeypatch: pytest.MonkeyPatch, clock: Clock, lines: list[tuple[str, str]], error: Exception, name: str
) -> None:
    assert connect(monkeypatch, clock, error, works_at=61) == os.EX_UNAVAILABLE
    assert clock.now == SETTINGS.start_timeout
    assert lines[-1] == (name, "the worker ends")


def test_a_signal_ends_a_worker_that_still_asks(
    monkeypatch: pytest.MonkeyPatch, clock: Clock, lines: list[tuple[str, str]]
) -> None:
    clock.stop_at = 3
    assert connect(monkeypatch, clock, JobTableError("no table"), works_at=60) == os.EX_OK
    assert clock.now == 3
    assert lines[-1] == ("stopped", "None")


def test_a_client_that_can_never_be_made_is_bad_settings_at_once(
    monkeypatch: pytest.MonkeyPatch, clock: Clock, lines: list[tuple[str, str]]
) -> None:
    assert connect(monkeypatch, clock, ClientSetupError("no such region"), works_at=60) == os.EX_CONFIG
    assert (clock.now, lines) == (0, [("bad_settings", "None")])
