"""The table of aims: its limits, and what it says when one is missed. `make aims` has the figures."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from bench.policy import objectives
from bench.policy.objectives import Objective, table

MET = Objective(text="one", limit="10 s", found="9 s", value=9, met=True)
MISSED = replace(MET, text="two", found="11 s", value=11, met=False)


def test_a_missed_aim_is_marked_and_ends_with_1(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for found, code in (([MET], 0), ([MET, MISSED], 1), ([MISSED, MET], 1)):
        monkeypatch.setattr(objectives, "objectives", lambda *_, found=found: iter(found))
        assert objectives.main([]) == code
    assert capsys.readouterr().out.splitlines()[-2:] == ["| two | 10 s | 11 s | **no** |", "| one | 10 s | 9 s | yes |"]


def test_each_row_is_said_when_it_is_known() -> None:
    said: list[str] = []

    def found() -> Iterator[Objective]:
        yield MET
        assert said[-1] == MET.row
        yield MISSED

    assert not table(found(), said.append)


def test_the_aims_have_these_limits() -> None:
    metrics, watch, direct = objectives.WAYS
    assert (metrics.wake[0], watch.wake[0], direct.wake[0]) == (140, 70, 40)
    assert [(way.drain, way.stale, way.trickle) for way in (watch, direct)] == [(690, 715, 2.2), (665, 690, 2.2)]
    assert (objectives.TASKS, objectives.TASKS_APART) == (1, 0.05)


def test_a_scenario_of_one_message_has_its_wake_up_and_its_tasks() -> None:
    median, high, tasks = objectives._one(objectives.WAYS[2], 3)
    assert (median.limit, high.limit, tasks.limit) == ("40 s", "60 s", "1.0 ± 0.05")
    assert (tasks.value, tasks.met) == (1.0, True)
