"""The search for the default policy compares variants with the deployed policy."""

from dataclasses import replace

import pytest

from bench.policy.tune import LOADS, Score, Variant, scenario, score, tables, variants
from ebb.forecast.load.arrivals import Timed, Times
from ebb.forecast.model.simulate import simulate
from ebb.forecast.scenario.deployed import from_settings

SCORE = Score(median=60, latency=200, task_minutes=100, killed=0, give_backs=0, lost=1)
LOAD = {each.name: each for each in LOADS}


@pytest.mark.parametrize(
    ("changed", "worse", "better"),
    [
        ({}, False, False),
        ({"latency": 209}, False, False),
        ({"latency": 211}, True, False),
        ({"median": 64}, True, False),
        ({"latency": 180}, False, True),
        ({"task_minutes": 94}, False, True),
        ({"task_minutes": 94, "latency": 211}, True, False),
        ({"killed": 0.1, "latency": 100}, True, False),
        ({"lost": 1.1}, True, False),
    ],
)
def test_a_variant_is_worse_if_any_figure_is_and_better_if_none_is(
    changed: dict[str, float], worse: bool, better: bool
) -> None:
    found = replace(SCORE, **changed)
    assert (found.worse(SCORE), found.better(SCORE)) == (worse, better)


def test_the_first_variant_is_the_deployed_policy() -> None:
    for variant in variants():
        if "deployed" in variant.name:
            for each in LOADS:
                assert scenario(variant, each) == from_settings(each.settings())


def test_each_variant_differs_from_the_deployed_policy() -> None:
    load = LOAD["tail"]
    for variant in variants():
        if "deployed" not in variant.name:
            assert scenario(variant, load) != from_settings(load.settings())


def test_a_table_has_a_row_for_each_load_and_the_totals() -> None:
    ladder, *others = tables(1)
    assert [table.split(" ")[1] for table in others] == ["OUT", "MORE", "ZERO", "SURPLUS"]
    lines = ladder.splitlines()
    assert [line.split(" | ")[0].removeprefix("| ") for line in lines[2:-1]] == [each.name for each in LOADS]
    assert {line.count("|") for line in lines} == {lines[0].count("|")}
    assert lines[-1].startswith("| **better, worse** | | ")


def test_the_published_ladder_is_slower_with_a_burst() -> None:
    published = next(each for each in variants() if "10, 40 shares" in each.name)
    deployed = Variant(varied="", name="")
    assert score(published, LOAD["200 of 30 s"], 5).worse(score(deployed, LOAD["200 of 30 s"], 5))


def _at(jobs: list[Timed]) -> Times:
    return lambda _: iter(jobs)


@pytest.mark.parametrize("minutes", [1, 3, 5, 10])
def test_the_tasks_of_a_burst_do_not_remove_the_first_task_after_it(minutes: int) -> None:
    trial = LOAD["25 of 60 s"]
    own = from_settings(trial.settings())
    for seed in range(20):
        burst = simulate(own, trial.load, seed=seed)
        emptied = next(activity.time for activity in burst.activities if activity.after == 0)
        later = emptied + 60 * minutes
        jobs: list[Timed] = [*[(0.0, 60.0, "")] * 25, (later, 1200.0, "")]
        outcome = simulate(own, replace(trial.load, times=_at(jobs), span=later), seed=seed)
        assert (outcome.done, outcome.killed) == (26, 0)
        after = [(activity.before, activity.after) for activity in outcome.activities if activity.time > later]
        assert after == [(0, 1), (1, 0)]
