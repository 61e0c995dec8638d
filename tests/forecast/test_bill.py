"""What a month costs, where it is known beforehand."""

import pytest

from ebb.forecast import bill
from ebb.forecast.bill import Bill
from ebb.forecast.model.simulate import simulate
from ebb.forecast.scenario import Scenario, TaskSetup, from_settings
from ebb.forecast.workloads import Load, load
from settings import Settings, sections
from tests.forecast.examples import stack
from tests.forecast.scenarios import OUT, recommended

IDLE = load("idle")


def monthly(scenario: Scenario, under: Load = IDLE) -> Bill:
    return bill.monthly(simulate(scenario, under, seed=1), scenario, under)


def idle_parts(scenario: Scenario, under: Load = IDLE) -> dict[str, float]:
    return {part.name: round(part.dollars, 4) for part in monthly(scenario, under).idle}


def test_an_idle_month_by_metrics_costs_its_alarms() -> None:
    # two alarm-metrics of START, two of OUT, four of ZERO, and 730 hourly touches of the queue
    assert idle_parts(recommended()) == {"Scaling alarms": 0.8, "Schedules": 0.0007, "SQS requests": 0.0003}
    found = monthly(recommended())
    assert found.load_total == pytest.approx(found.idle_total, rel=0.01)


def test_a_new_kms_key_is_on_the_bill() -> None:
    assert idle_parts(from_settings(Settings(queue=sections.Queue(kms="new"))))["KMS key"] == 1.0


def test_an_idle_month_with_the_watcher_costs_less_than_a_dollar() -> None:
    found = monthly(recommended(watch=True))
    assert found.idle_total < 1
    assert {part.name for part in found.idle} == {"Scaling alarms", "Schedules", "Workflows", "SQS requests"}


def test_a_service_that_never_scales_in_is_billed_with_its_running_tasks() -> None:
    stuck = Scenario(name="stuck", maximum=1, rules=(OUT,), task=TaskSetup(cpu=512, memory=1024))
    # half a vCPU and a GB of ARM for 730 hours
    expected = 730 * (0.5 * 0.03238 + 0.00356)
    assert idle_parts(stuck, load("burst:1", "30s"))["Fargate"] == pytest.approx(expected, abs=0.01)


def test_a_million_jobs_sent_cost_their_requests_and_with_direct_a_workflow_each() -> None:
    def parts(**scaling: bool) -> dict[str, float]:
        return {part.name: round(part.dollars, 3) for part in bill.a_million(stack(scaling=scaling))}

    assert parts() == {"API requests": 3.5, "SQS requests": 0.4}
    assert parts(direct=True) == {"API requests": 3.5, "SQS requests": 0.4, "Workflows": 1.104}
