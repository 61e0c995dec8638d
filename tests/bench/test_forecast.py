"""The benchmark of the forecast: its table, and that both simulators run the same model."""

import json

import pytest

from bench import forecast
from bench.forecast import LOADS, WAYS, Cost, scenario
from ebb.forecast.durations import DAY
from ebb.forecast.load.workloads import load
from ebb.forecast.model.assumptions import Assumptions
from ebb.forecast.model.simulate import Simulation


def test_both_simulators_do_the_same_jobs() -> None:
    under = load("poisson:20/h:6h", "60s")
    done = {way: run(under, DAY / 4) for way, run in WAYS.items()}
    assert done["forecast"] == done["stepped"] > 50


def test_a_run_is_measured_in_its_own_process() -> None:
    cost, done = forecast.measure("forecast", "an idle month")
    assert cost.seconds > 0
    assert cost.peak > 10
    assert done == 0


@pytest.mark.parametrize("name", forecast.LARGE)
def test_a_large_load_is_measured_on_many_tasks(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forecast, "LARGE_JOBS", 200)
    seconds, peak, done = json.loads(forecast.large(name))
    assert (seconds > 0, peak > 10, done) == (True, True, 200)


def test_a_row_has_medians_the_objective_and_the_ratio_within_each_round() -> None:
    rounds = [
        (Cost(0.1, 30), Cost(0.2, 99), Cost(0, 20)),
        (Cost(0.2, 32), Cost(0.8, 99), Cost(0, 20)),
        (Cost(0.3, 35), Cost(0.9, 99), Cost(0, 20)),
    ]
    assert forecast.row("an idle month", rounds) == "| an idle month | 0.200 | 0.1 | 0.800 | 3.0 | 12.0 |"
    assert forecast.row("a month of 150,000 jobs", rounds) == (
        "| a month of 150,000 jobs | 0.200 |  | 0.800 | 3.0 | 12.0 |"
    )


def test_a_day_of_jobs_takes_few_steps_a_job() -> None:
    """Steps decide the time of a forecast, and do not depend on the machine. A day has 86,400 seconds."""
    under, until = LOADS["a day of 5,000 jobs"]
    simulation = Simulation(scenario(), under, 1, until, Assumptions())
    steps = 0
    step = simulation.clock.step

    def counted(until: float) -> bool:
        nonlocal steps
        steps += 1
        return step(until)

    simulation.clock.step = counted  # type: ignore[method-assign]
    simulation.run()
    assert simulation.record.done > 4500
    assert steps < 8 * simulation.record.done
