"""The forecast's bench: its table, and that both ways run one model."""

import time

from bench import forecast
from bench.forecast import DAY, LOADS, WAYS, Cost
from ebb.forecast.workloads import load


def test_both_ways_do_the_same_jobs() -> None:
    under = load("poisson:20/h:6h", "60s")
    done = {way: run(under, DAY / 4) for way, run in WAYS.items()}
    assert done["forecast"] == done["stepped"] > 50


def test_a_run_is_measured_in_a_process_of_its_own() -> None:
    cost, done = forecast.measure("forecast", "an idle month")
    assert 0 < cost.seconds < 5
    assert cost.peak > 10
    assert done == 0


def test_a_row_has_medians_the_aim_and_the_ratio_of_the_same_rounds() -> None:
    rounds = [
        (Cost(0.1, 30), Cost(0.2, 99), Cost(0, 20)),
        (Cost(0.2, 32), Cost(0.8, 99), Cost(0, 20)),
        (Cost(0.3, 35), Cost(0.9, 99), Cost(0, 20)),
    ]
    assert forecast.row("an idle month", rounds) == "| an idle month | 0.200 | 0.1 | 0.800 | 3.0 | 12.0 |"
    assert forecast.row("a month of 150,000 jobs", rounds) == (
        "| a month of 150,000 jobs | 0.200 |  | 0.800 | 3.0 | 12.0 |"
    )


def test_a_day_and_an_idle_month_take_the_time_aimed_at_or_little_more_on_a_busy_machine() -> None:
    for name, most in forecast.AIMS.items():
        seconds = []
        for _ in range(3):
            began = time.process_time()
            WAYS["forecast"](*LOADS[name])
            seconds.append(time.process_time() - began)
        assert min(seconds) < 2 * most
