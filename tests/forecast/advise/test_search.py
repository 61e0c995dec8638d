"""`ebb advise`: what is tried, what is chosen, and what is said."""

import io
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace

import pytest
from rich.console import Console

from ebb import project
from ebb.forecast.advise import candidates
from ebb.forecast.advise.candidates import Demand, Freedom
from ebb.forecast.advise.processes import processes
from ebb.forecast.advise.search import Question, Trial, advise, here, tried
from ebb.forecast.load.workloads import load
from ebb.forecast.report import advice as text
from ebb.forecast.report.advice_page import page
from ebb.forecast.results.findings import Advice, Option
from ebb.forecast.results.monte_carlo import Estimate
from settings import Settings, read
from tests.helpers import stacks

QUESTION = Question(stack="dev", arrivals="burst:40", job="30s", wait=240.0)


@pytest.fixture(autouse=True)
def stacks_of_the_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(project, "ROOT", stacks.FOLDER)


def silent(*_: object) -> None:
    """No progress."""


def option(dollars: float, wait: float, *changes: str, lost: float = 0.0) -> Option:
    exact = Estimate(value=wait, low=wait, high=wait)
    return Option(changes=changes, wait_p50=exact, wait_p95=exact, dollars=dollars, lost=lost)


def invented(trials: Iterable[Trial]) -> Iterator[tuple[Trial, Option | None]]:
    """More tasks wait less and cost more; Spot costs half; with one task jobs are lost."""
    for trial in trials:
        number = int((re.findall(r"max_tasks=(\d+)", " ".join(trial.changes)) or ["1"])[0])
        factor = 0.5 if "worker.spot_weight=100" in trial.changes else 1.0
        yield trial, option(factor * number, 600 / number, *trial.changes, lost=float(number == 1))


def answered(question: Question) -> Advice:
    return advise(question, invented, silent, clock=lambda: 0.0)


def test_the_advice_is_the_cheapest_that_meets_the_wait() -> None:
    found = answered(replace(QUESTION, wait=100.0))
    assert found.best is not None
    assert "worker.spot_weight=100" in found.best.changes
    assert found.best.wait_p95.value <= 100
    assert found.best.dollars <= 3.5  # six or seven tasks on Spot
    costs = [each.dollars for each in found.frontier]
    waits = [each.wait_p95.value for each in found.frontier]
    assert (costs, waits) == (sorted(costs), sorted(waits, reverse=True))
    assert (
        text.sentence(found) == f"${found.best.dollars:.2f} a month is the cheapest that meets a wait of 100 s at p95."
    )
    assert text.met(found)


def test_without_spot_none_is_on_spot_and_the_jobs_size_and_concurrency_stay() -> None:
    found = answered(replace(QUESTION, freedom=Freedom(spot=False)))
    changes = {change.partition("=")[0] for each in (*found.frontier, *found.others) for change in each.changes}
    assert not changes & {"worker.spot_weight", "worker.cpu", "worker.memory", "worker.concurrency"}


def test_a_wait_that_nothing_meets_is_said_with_the_shortest_one() -> None:
    found = answered(replace(QUESTION, wait=0.5))
    assert found.best is None
    assert not text.met(found)
    assert re.fullmatch(
        r"Nothing that was tried meets a wait of 0 s at p95: the shortest is \d+ s, for \$[\d.]+ a month, so "
        r"--wait \d+s would be met\.",
        text.sentence(found),
    )


@pytest.mark.parametrize(
    ("budget", "instead"),
    [
        (4.0, r"; within the budget the shortest is \d+ s\."),
        (0.1, r", and nothing that was tried costs less than \$.+\."),
    ],
)
def test_a_budget_that_is_too_small_is_said_with_what_it_buys(budget: float, instead: str) -> None:
    found = answered(replace(QUESTION, wait=60.0, budget=budget))
    assert found.best is not None
    assert not text.met(found)
    start = rf"Nothing meets a wait of 60 s at p95 for \${budget:.2f} a month: the cheapest that meets it costs "
    assert re.fullmatch(rf"{start}\$5\.50{instead}", text.sentence(found))


def test_candidates_without_time_are_left_out_and_counted() -> None:
    ticks = iter(range(0, 90_000, 3))
    found = advise(QUESTION, invented, silent, clock=lambda: float(next(ticks)))
    assert found.left_out > 0
    assert f"There was no time for {found.left_out} more." in text.notes(found)[-1]


def test_combinations_that_the_other_settings_exclude_are_counted() -> None:
    def excluded(trials: Iterable[Trial]) -> Iterator[tuple[Trial, Option | None]]:
        return ((trial, found if "min_tasks" not in str(trial.changes) else None) for trial, found in invented(trials))

    found = advise(QUESTION, excluded, silent, clock=lambda: 0.0)
    everything = answered(QUESTION)
    assert 0 < found.refused < everything.tried
    assert everything.refused == 0
    assert f" The stack's other settings exclude {found.refused} more." in " ".join(text.notes(found))
    assert text.document(found)["refused"] == found.refused


def test_settings_that_lose_jobs_are_no_advice() -> None:
    def losing(trials: Iterable[Trial]) -> Iterator[tuple[Trial, Option | None]]:
        return ((trial, option(1.0, 1.0, *trial.changes, lost=1.0)) for trial in trials)

    assert text.sentence(advise(QUESTION, losing, silent, clock=lambda: 0.0)).startswith("With none of the settings")


def test_a_trial_is_a_forecast_and_settings_that_exclude_each_other_are_none() -> None:
    found = tried(Trial(QUESTION, ("scaling.max_tasks=10",), 1.0, 2, 99))
    assert found is not None
    assert 100 < found.wait_p95.value < 900
    assert tried(Trial(QUESTION, ("scaling.max_tasks=1", "scaling.min_tasks=2"), 1.0, 2, 99)) is None


def test_the_demand_is_the_mean_and_the_peak_of_jobs_at_the_same_time() -> None:
    burst = candidates.demand(load("burst:40", "30s"), 60.0, 1)
    assert (burst.typical, burst.peak) == (30.0, 40)
    steady = candidates.demand(load("poisson:60/h:1d", "2m"), 0.0, 1)
    assert steady.mean == pytest.approx(2, rel=0.1)
    assert 4 <= steady.peak <= 12
    assert candidates.maximums(Demand(typical=30, mean=2.0, peak=100), 1)[0] == 2
    assert candidates.maximums(Demand(typical=30, mean=2.0, peak=100), 1)[-1] == 100
    assert candidates.maximums(Demand(typical=30, mean=0.1, peak=1), 1) == [1]


def test_cpu_and_concurrency_change_only_if_the_user_says_how_jobs_behave() -> None:
    settings = read({"worker": {"cpu": 512, "memory": 1024}})
    assert candidates.sizes(settings, Freedom()) == [(512, 1024)]
    assert candidates.sizes(settings, Freedom(parallel=0.9)) == [(512, 1024), (256, 1024), (1024, 2048), (2048, 4096)]
    assert candidates.concurrencies(settings, Freedom(at_once=4)) == [1, 4]
    assert Freedom(parallel=0.5).factor(512, 1024) == 0.75
    assert Freedom(parallel=0.5).factor(512, 256) == 1.5
    assert Freedom().factor(512, 256) == 1.0


def test_changes_that_the_stack_has_already_are_left_out() -> None:
    assert candidates.texts(Settings(), {"scaling.max_tasks": 1, "scaling.watch": True}) == ("scaling.watch=true",)


def test_the_advice_is_shown_as_text_json_and_a_page() -> None:
    found = answered(replace(QUESTION, wait=100.0))
    assert found.best is not None
    console = Console(file=io.StringIO(), width=100)
    text.show(console, found)
    assert isinstance(console.file, io.StringIO)
    shown = console.file.getvalue()
    for change in found.best.changes:
        assert f"--set {change}" in shown
    assert max(map(len, shown.splitlines())) <= 100
    drawn = text.plot(found).splitlines()
    assert sum(line.count("x") for line in drawn[: text.HEIGHT]) == 1
    document = text.document(found)
    assert json.loads(json.dumps(document, allow_nan=False)) == document
    assert (document["met"], document["best"]["changes"]) == (True, list(found.best.changes))
    html = page(found, command="ebb advise")
    assert "<svg" in html
    assert text.sentence(found) in html


@pytest.mark.slow
def test_several_processes_find_the_same_in_the_same_order() -> None:
    question = replace(QUESTION, stack=str(stacks.FOLDER / "Pulumi.dev.yaml"))  # other processes have the users' root
    trials = [Trial(question, (f"scaling.max_tasks={number}",), 1.0, 1, 99) for number in (2, 5)]
    with processes() as run:
        assert list(run(trials)) == list(here(trials))
