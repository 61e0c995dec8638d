"""Settings side by side, assumptions and scales: what is compared, and that the seeds are the same."""

import io
import json
import math
from dataclasses import replace
from typing import Any

import pytest
from rich.console import Console

from ebb import project
from ebb.forecast import run
from ebb.forecast.compare import scale
from ebb.forecast.compare.differences import FIGURES, differences
from ebb.forecast.compare.sensitivity import assumed, scaled, swings
from ebb.forecast.compare.versus import versus
from ebb.forecast.load.variations import longer, multiplied, shortened
from ebb.forecast.load.workloads import load
from ebb.forecast.model.assumptions import Assumptions
from ebb.forecast.model.outcome import Outcome
from ebb.forecast.report import comparisons, html_report, json_report, terminal
from ebb.forecast.results.findings import Report, Scale, Swing
from ebb.forecast.results.monte_carlo import Estimate, Forecast, forecast
from ebb.forecast.run import Request
from tests.forecast.examples import outcome, stack
from tests.helpers import stacks


@pytest.fixture(autouse=True)
def stacks_of_the_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(project, "ROOT", stacks.FOLDER)


def silent(*_: object) -> None:
    """No progress."""


def of(*outcomes: Outcome) -> Forecast:
    return forecast(stack(), load("burst:2", "30s"), lambda seed: outcomes[seed], runs=len(outcomes), seed=0)


def test_a_difference_is_of_pairs_of_runs() -> None:
    """Wakes differ by a minute between runs, and by 10 s between the settings: the interval shows the latter alone."""
    base = of(*(outcome(wakes=(60.0 * number,), killed=number) for number in range(1, 11)))
    other = of(*(outcome(wakes=(60.0 * number - 10,), killed=number + 1) for number in range(1, 11)))
    found = differences(base, other)
    assert set(found) == set(FIGURES)
    assert (found["wake p50"].value, found["wake p50"].low, found["wake p50"].high) == (-10, -10, -10)
    assert (found["jobs killed"].value, found["jobs killed"].low, found["jobs killed"].high) == (1, 1, 1)
    assert found["task-hours"].value == 0


def test_what_never_happens_on_both_sides_has_no_difference_and_on_one_side_an_infinite_one() -> None:
    never: dict[str, Any] = {"waits": (), "latencies": (), "wakes": (), "drain": None, "done": 0, "left": 2}
    assert "wake p95" not in differences(of(outcome(**never)), of(outcome(**never)))
    assert differences(of(outcome()), of(outcome(**never)))["wake p95"].value == math.inf
    assert differences(of(outcome(**never)), of(outcome()))["wake p95"].value == -math.inf


def test_other_settings_have_the_same_seeds_and_several_may_change_at_once() -> None:
    request = Request(stack="dev", load=load("burst:10", "30s"), runs=3, seed=5)
    (own,) = run.findings(request, silent)
    same, more = versus(request, own, ["scaling.max_tasks=1", "scaling.max_tasks=5,scaling.watch=true"], silent)
    if own.forecast.scenario.maximum == 1:
        assert all(each.value == each.low == each.high == 0 for each in same.differences.values())
    scenario = more.finding.forecast.scenario
    assert (scenario.maximum, scenario.wake.watch, scenario.name) == (5, True, more.changes)
    assert more.finding.forecast.seed == 5


@pytest.mark.slow
def test_an_assumption_that_matters_is_in_front_and_others_are_named() -> None:
    request = Request(stack="dev", load=load("burst:1", "600s"), runs=2, until=1500.0)
    (own,) = run.findings(request, silent)
    found, no_effect = swings(request, own, silent)
    widths = [abs(each.wait_more.value - each.wait_less.value) for each in found]
    assert widths == sorted(widths, reverse=True)
    assert {"start of a task", "delay of SQS's metrics"} <= {each.assumption for each in found}
    assert "time between Spot reclaims" in no_effect


def test_each_random_length_of_the_assumptions_can_be_made_longer() -> None:
    request = Assumptions()
    for name in assumed(request):
        changed = getattr(scaled(request, name, 2.0), name)
        value = getattr(request, name)
        if callable(value):
            assert changed.factor * 2 == 4
    assert {"publish", "starts", "billed_share"} <= set(assumed(request))
    assert not {"sample_phase", "alarm_phase", "load_phase"} & set(assumed(request))


def test_loads_are_made_longer_larger_and_shorter() -> None:
    burst = load("burst:3", "30s")
    assert [job.seconds for job in longer(burst, 1.2).sample(9, 1)] == [36.0] * 3
    assert len(multiplied(burst, 10).sample(99, 1)) == 30
    week = load("poisson:60/h:7d")
    times = [job.time for job in multiplied(week, 3).sample(99_999, 1)]
    assert times == sorted(times)
    assert len(times) == pytest.approx(3 * 7 * 24 * 60, rel=0.05)
    day = shortened(week, 1 / 7)
    assert (day.span, day.every) == (86_400, 86_400)
    assert len(day.sample(9999, 1)) == pytest.approx(1440, rel=0.1)
    assert shortened(burst, 0.1) is burst


def test_the_cost_at_scale_has_alternatives_and_is_extrapolated_beyond_what_is_simulated(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(scale, "MAX_JOBS", 150)
    request = Request(stack="dev", load=load("burst:20", "30s"), runs=1, changes=("scaling.max_tasks=4",))
    (own,) = run.findings(request, silent)
    one, ten, hundred, thousand = scale.scales(request, own, silent)
    assert [each.times for each in (one, ten, hundred, thousand)] == [1, 10, 100, 1000]
    assert [each.max_tasks for each in (one, ten, hundred, thousand)] == [4, 40, 400, 4000]
    assert set(one.alternatives) == {"min_tasks: 1", "Spot", "twice the concurrency"}
    assert one.dollars == pytest.approx(own.forecast.bill.load_total)
    assert (ten.extrapolated, ten.alternatives, ten.wait) == (True, {}, None)
    assert ten.jobs_a_month == pytest.approx(10 * one.jobs_a_month)
    assert one.dollars < ten.dollars < 10 * one.dollars


def scales_with(*spot: float) -> tuple[Scale, ...]:
    return tuple(
        Scale(
            times=10**place,
            max_tasks=1,
            jobs_a_month=1000.0,
            wait=1.0,
            dollars=10.0,
            alternatives={"Spot": dollars},
            extrapolated=False,
        )
        for place, dollars in enumerate(spot)
    )


@pytest.mark.parametrize(
    ("spot", "sentence"),
    [
        ((11, 10, 9, 8), "With Spot a month costs less from 100 times the load on."),
        ((9, 9, 9, 9), "With Spot a month costs less at each load that was simulated with it."),
        ((9, 9, 9, 11), "With Spot a month costs more at each load that was simulated with it."),
    ],
)
def test_a_sentence_says_from_which_load_on_an_alternative_costs_less(spot: tuple[float, ...], sentence: str) -> None:
    assert comparisons.paying(scales_with(*spot)) == [sentence]


def test_a_difference_has_a_sign_and_says_whether_it_is_more_than_chance() -> None:
    base = of(*(outcome(wakes=(wake,)) for wake in (100.0, 120.0, 140.0)))
    found = differences(base, of(*(outcome(wakes=(wake,)) for wake in (90.0, 111.0, 128.0))))["wake p50"]
    assert comparisons.difference(found) == "-9 s (-12 to -9)"
    assert comparisons.differs(found)
    assert not comparisons.differs(replace(found, high=0.0))


def test_comparisons_are_in_the_json_document_the_terminal_and_the_page() -> None:
    request = Request(stack="dev", load=load("burst:2", "30s"), runs=2)
    (own,) = run.findings(request, silent)
    estimate = Estimate(value=-1.0, low=-2.0, high=0.0)
    swing = Swing(
        assumption="start of a task",
        wait_less=estimate,
        wait_more=replace(estimate, value=1.0),
        dollars_less=estimate,
        dollars_more=estimate,
    )
    report = Report(
        own=own,
        versus=versus(request, own, ["scaling.max_tasks=7"], silent),
        scales=scales_with(11, 10, 9, 8),
        swings=(swing,),
        no_effect=("a worker's call",),
    )
    made = json_report.document(report)
    assert json.loads(json.dumps(made, allow_nan=False)) == made
    assert made["vs"][0]["changes"] == made["vs"][0]["name"] == "scaling.max_tasks=7"
    assert set(made["vs"][0]["differences"]) == set(FIGURES)
    assert made["scale"][3]["dollars_per_1000_jobs"] == 10.0
    assert made["sensitivity"][0]["wait_p95_less"] == {"value": -1.0, "low": -2.0, "high": 0.0}
    assert made["no_effect"] == ["a worker's call"]
    console = Console(file=io.StringIO(), width=100)
    terminal.show(console, report)
    assert isinstance(console.file, io.StringIO)
    page = html_report.page(report)
    for shown in ("scaling.max_tasks=7", "With Spot a month costs less from 100 times the load on.", "start of a task"):
        assert shown in console.file.getvalue()
        assert shown in page
    assert page.count("<svg") >= 6
