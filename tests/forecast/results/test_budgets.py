"""The stack's budgets: which are exceeded, by what words, and how the command ends."""

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from ebb import project
from ebb.cli import app
from ebb.forecast.load.workloads import load
from ebb.forecast.report.budgets import document, exceeded, not_checked
from ebb.forecast.results.bill import monthly
from ebb.forecast.results.budgets import Budget, budgets
from ebb.forecast.results.monte_carlo import Estimate, Forecast, Spread, forecast
from settings import Budgets
from tests.forecast.examples import outcome, stack


@pytest.fixture(scope="module")
def found() -> Forecast:
    return forecast(stack(), load("burst:2", "30s"), lambda _: outcome(), runs=1, seed=1)


def limits(**values: float) -> Budgets:
    return Budgets.model_validate(values)


def test_each_budget_has_the_figure_of_its_name(found: Forecast) -> None:
    everything = limits(idle=1, bill=1, wake_p95=1, wait_p95=1, drain_p95=1, killed=1)
    bill = monthly(outcome(), stack(), load("burst:2", "30s"))
    assert {each.key: each.value for each in budgets(everything, found)} == {
        "idle": pytest.approx(bill.idle_total),
        "bill": pytest.approx(bill.load_total),
        "wake_p95": 140.0,
        "wait_p95": found.wait.p95.value if found.wait else None,
        "drain_p95": 200.0,
        "killed": 0.0,
    }


def test_only_limits_that_are_set_are_checked(found: Forecast) -> None:
    assert [each.key for each in budgets(limits(killed=0), found)] == ["killed"]
    assert budgets(Budgets(), found) == ()


@pytest.mark.parametrize(
    ("limit", "value", "is_exceeded"),
    [(2.2, 2.2, False), (2.2, 2.2000000000001, False), (2.2, 2.205, True), (0, 0.0, False), (9, math.inf, True)],
)
def test_a_budget_is_exceeded_above_its_limit(limit: float, value: float, is_exceeded: bool) -> None:
    assert Budget(key="idle", limit=limit, value=value).exceeded is is_exceeded


def test_the_sentences_name_key_value_and_limit() -> None:
    of = [
        Budget(key="idle", limit=2.2, value=2.204),
        Budget(key="bill", limit=5, value=12.5),
        Budget(key="wake_p95", limit=240, value=251.2),
        Budget(key="wait_p95", limit=60, value=math.inf),
        Budget(key="drain_p95", limit=60, value=60.25),
        Budget(key="killed", limit=0, value=0.05),
        Budget(key="killed", limit=1, value=1),
    ]
    assert list(exceeded(of)) == [
        "ebb:budgets.idle is exceeded: a month without jobs costs $2.204, and the budget is $2.2.",
        "ebb:budgets.bill is exceeded: a month at this load costs $12.50, and the budget is $5.00.",
        "ebb:budgets.wake_p95 is exceeded: the p95 of the wake-up is 251 s, and the budget is 240 s.",
        "ebb:budgets.wait_p95 is exceeded: the p95 of the wait is never, and the budget is 60 s.",
        "ebb:budgets.drain_p95 is exceeded: the p95 of the drain is 60.25 s, and the budget is 60 s.",
        "ebb:budgets.killed is exceeded: the mean of the jobs killed in a run is 0.05, and the budget is 0.",
    ]


def test_a_load_without_jobs_has_no_times_to_check(found: Forecast) -> None:
    of = budgets(limits(wake_p95=1, drain_p95=1, killed=0), replace(found, wake=None, drain=None))
    assert list(exceeded(of)) == []
    assert list(not_checked(of)) == [
        "ebb:budgets.wake_p95 is not checked: with this load there is no such time.",
        "ebb:budgets.drain_p95 is not checked: with this load there is no such time.",
    ]


def test_a_value_that_never_comes_is_null_in_json(found: Forecast) -> None:
    never = Estimate(value=math.inf, low=math.inf, high=math.inf)
    (made,) = document(budgets(limits(wake_p95=240), replace(found, wake=Spread(p50=never, p95=never))))
    assert made == {"key": "wake_p95", "limit": 240.0, "value": None, "exceeded": True}


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["forecast", "--stack", "a", "--runs", "1", *arguments], catch_exceptions=False)


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(project, "ROOT", tmp_path)
    return tmp_path / "Pulumi.a.yaml"


def test_the_command_fails_above_a_budget_and_runs_the_load_of_the_budgets(file: Path) -> None:
    file.write_text("config: {ebb:budgets: {idle: 5, drain_p95: 60, load: {arrivals: 'burst:3', job: 30s}}}")
    result = run()
    assert result.exit_code == 1
    assert result.stdout.startswith("a: burst:3 of 30s, 1 run")
    assert result.stderr.startswith("ebb:budgets.drain_p95 is exceeded: the p95 of the drain is ")
    assert result.stderr.count("\n") == 1
    made = json.loads(run("--json").stdout)
    assert [(each["key"], each["exceeded"]) for each in made["budgets"]] == [("idle", False), ("drain_p95", True)]


def test_the_load_of_the_command_counts_and_a_budget_can_be_given_there(file: Path) -> None:
    file.write_text("config: {ebb:budgets: {load: {arrivals: 'burst:3'}}}")
    assert run("--arrivals", "idle:1h").stdout.startswith("a: idle:1h, 1 run")
    kept = run("--job", "20s", "--set", "budgets.wake_p95=900")
    assert (kept.exit_code, kept.stderr) == (0, "")
    assert kept.stdout.startswith("a: burst:3 of 20s, 1 run")


@pytest.mark.parametrize(
    ("budgets_of", "sentence"),
    [
        ("{load: {arrivals: often}}", "ebb:budgets.load: Arrivals are burst:N, poisson:RATE"),
        ("{load: {job: soon}}", "ebb:budgets.load: A time is a number with ms, s, m, h or d"),
    ],
)
def test_a_load_that_no_forecast_understands_is_one_sentence(file: Path, budgets_of: str, sentence: str) -> None:
    file.write_text(f"config: {{ebb:budgets: {budgets_of}}}")
    result = run()
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith(sentence)


@pytest.mark.parametrize(
    ("budgets_of", "sentence"),
    [
        ("{wake_p95: 0}", "ebb:budgets.wake_p95: must be above 0, got 0."),
        ("{idle: -1}", "ebb:budgets.idle: must be at least 0, got -1."),
        ("{wake: 240}", "ebb:budgets.wake: unknown key, the nearest known one is wake_p95, got 240."),
        ("{idle: '5'}", 'ebb:budgets.idle: must be a number (without quotes), got "5".'),
    ],
)
def test_a_budget_that_makes_no_sense_is_refused(file: Path, budgets_of: str, sentence: str) -> None:
    file.write_text(f"config: {{ebb:budgets: {budgets_of}}}")
    assert run().stderr == f"The configuration was refused.\n{sentence}\n"
