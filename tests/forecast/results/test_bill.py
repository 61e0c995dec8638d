"""What a month costs, where it is known beforehand."""

import math
from pathlib import Path
from typing import Any

import pytest

from ebb.forecast.baselines.catalog import BASELINES
from ebb.forecast.load.workloads import JobProfile, Load, load
from ebb.forecast.model.simulate import simulate
from ebb.forecast.results import bill, observation
from ebb.forecast.results.bill import Bill
from ebb.forecast.results.following import following
from ebb.forecast.scenario.deployed import from_settings
from ebb.forecast.scenario.scenario import Scenario, TaskSetup
from settings import Settings, sections
from tests.forecast.examples import stack
from tests.forecast.scenarios import OUT, recommended

IDLE = load("idle")


def monthly(scenario: Scenario, under: Load = IDLE) -> Bill:
    return bill.monthly(simulate(scenario, under, seed=1), scenario, under)


def idle_parts(scenario: Scenario, under: Load = IDLE) -> dict[str, float]:
    return {part.name: round(part.dollars, 4) for part in monthly(scenario, under).idle}


def test_an_idle_month_by_metrics_costs_its_alarms() -> None:
    # alarm-metrics: two of START, two of OUT, four of ZERO, three of SURPLUS, 17 of the operators; 730 hourly touches
    assert idle_parts(recommended()) == {
        "Scaling alarms": 1.1,
        "Operators' alarms": 1.7,
        "Schedules": 0.0007,
        "SQS requests": 0.0003,
        "Image": 0.0075,
    }
    found = monthly(recommended())
    assert found.load_total == pytest.approx(found.idle_total, rel=0.01)


def test_a_new_kms_key_is_on_the_bill() -> None:
    assert idle_parts(from_settings(Settings(queue=sections.Queue(kms="new"))))["KMS key"] == 1.0


def test_scaling_with_the_watcher_costs_less_than_a_dollar_in_an_idle_month() -> None:
    found = monthly(recommended(watch=True))
    assert bill.of_scaling(found.idle) < 1
    others = {"Operators' alarms", "Image"}
    assert {part.name for part in found.idle} - others == {"Scaling alarms", "Schedules", "Workflows", "SQS requests"}


def test_a_service_that_never_scales_in_is_billed_with_its_running_tasks() -> None:
    stuck = Scenario(name="stuck", maximum=1, rules=(OUT,), task=TaskSetup(cpu=512, memory=1024))
    # half a vCPU and a GB of ARM for 730 hours
    expected = 730 * (0.5 * 0.03238 + 0.00356)
    assert idle_parts(stuck, load("burst:1", "30s"))["Fargate"] == pytest.approx(expected, abs=0.01)


def test_a_million_jobs_sent_cost_their_requests_and_with_direct_a_workflow_each() -> None:
    def parts(**scaling: bool) -> dict[str, float]:
        return {part.name: round(part.dollars, 3) for part in bill.a_million(stack(scaling=scaling))}

    sent = {"API requests": 3.5, "API answers": 0.054, "X-Ray traces": 5.0, "SQS requests": 0.4}
    assert parts() == sent
    # the workflow also reads the queue's counts
    assert parts(direct=True) == {**sent, "SQS requests": 0.8, "Workflows": 1.312}


def of(parts: tuple[bill.Part, ...], name: str) -> float:
    return sum(part.dollars for part in parts if part.name == name)


NINE_TO_SIX = ({"start": "09:00", "stop": "18:00", "min_tasks": 2},)
AT_NIGHT = ({"start": "20:00", "stop": "04:00", "min_tasks": 2},)
WORKDAYS = ({"start": "09:00", "stop": "18:00", "min_tasks": 2, "days": ["MON", "TUE", "WED", "THU", "FRI"]},)
#: A month of one task of 256 CPU units and 512 MiB.
TASK_MONTH = 730 * (0.25 * 0.03238 + 0.5 * 0.00356)


@pytest.mark.parametrize(("hours", "share"), [(NINE_TO_SIX, 9 / 24), (AT_NIGHT, 8 / 24), (WORKDAYS, 45 / 168)])
@pytest.mark.parametrize("timezone", ["Europe/Berlin", "Asia/Kolkata"])
@pytest.mark.parametrize("arrivals", ["burst:1", "poisson:1/h:1d", "idle:3h"])
def test_warm_hours_are_paid_for_by_the_hour_of_the_week(
    hours: Any, share: float, timezone: str, arrivals: str
) -> None:
    """At any time of the day at which the run ends."""
    found = monthly(stack(scaling={"warm_hours": hours, "timezone": timezone, "max_tasks": 4}), load(arrivals))
    expected = 2 * share * TASK_MONTH
    assert of(found.idle, "Fargate") == pytest.approx(expected)
    # tasks that leave after the hours are idle for some minutes more
    assert found.load_total >= found.idle_total * 0.95
    if arrivals != "poisson:1/h:1d":
        assert of(found.load, "Fargate") == pytest.approx(expected, rel=0.1)


@pytest.mark.parametrize("hours", [1, 24, 40])
def test_a_run_that_is_ended_early_costs_what_its_time_has_used(hours: float) -> None:
    """The load is repeated as it is: twice the time costs the same in a month."""
    scenario, week = stack(), load("poisson:20/h:2d", "60s")
    outcome = simulate(scenario, week, seed=1, until=hours * 3600)
    found = bill.monthly(outcome, scenario, week)
    assert found.every == hours * 3600
    assert found.idle_total == monthly(scenario).idle_total
    assert of(found.load, "API requests") == pytest.approx(outcome.sent / hours * 730 * 3.5e-6)
    assert of(found.load, "Fargate") == pytest.approx(outcome.task_hours / hours * TASK_MONTH)


def test_a_load_that_takes_longer_than_its_day_repeats_later() -> None:
    scenario, day = stack(scaling={"max_tasks": 1}), load("burst:30", "1h")
    outcome = simulate(scenario, day, seed=1)
    assert bill.monthly(outcome, scenario, day).every == outcome.in_flight[-1][0] > 30 * 3600


@pytest.mark.parametrize(
    ("sections", "arrivals", "name", "dollars"),
    [
        ({"api": {"tracing": True}}, "trace", "X-Ray traces", 5e-6 * 730 / 24 * 2),
        ({"api": {"tracing": False}}, "trace", "X-Ray traces", 0),
        ({"worker": {"metrics": False}}, "trace", "Custom metrics", 0),
        ({"queue": {"kms": "new"}}, "trace", "KMS key", 1.0),
        ({"network": {"nat": "instance"}}, "idle:1d", "NAT instance", 730 * 0.0042 + 0.64),
        ({"network": {"nat": "instance", "nat_instance_type": "m7g.large"}}, "idle:1d", "NAT instance", 60.208),
        ({"network": {"nat": "instance", "nat_instance_type": "t3a.small"}}, "idle:1d", "NAT instance", 14.364),
        ({"network": {"nat": "instance", "nat_instance_type": "x99.large"}}, "idle:1d", "NAT instance", 0),
        ({"network": {"nat": "instance"}}, "idle:1d", "Operators' alarms", 1.9),
        ({"monitoring": {"alarms": "essential"}}, "idle:1d", "Operators' alarms", 0.6),
    ],
)
def test_each_item_has_its_price(sections: Any, arrivals: str, name: str, dollars: float, tmp_path: Path) -> None:
    if arrivals == "trace":
        (tmp_path / "two.csv").write_text("0,30\n100,30\n")
        arrivals = f"trace:{tmp_path / 'two.csv'}"
    assert of(monthly(stack(**sections), load(arrivals)).load, name) == pytest.approx(dollars)


def test_two_jobs_a_day_cost_the_hours_of_their_five_metrics() -> None:
    # the jobs of a burst run within an hour or two
    assert of(monthly(stack(), load("burst:2", "30s")).load, "Custom metrics") in (
        pytest.approx(0.30 * 5 / 24),
        pytest.approx(0.30 * 10 / 24),
    )


@pytest.mark.parametrize(("size", "units"), [(1024, 1), (65_536, 1), (65_537, 2), (300 * 1024, 5), (1024**2, 16)])
def test_each_64_kb_of_a_body_is_a_request_to_send_and_to_receive(size: int, units: int) -> None:
    sent = {}
    for body in (1, size):
        sent[body] = simulate(stack(), load("burst:1", "30s", body=body), seed=1).requests.sqs
    assert sent[size] - sent[1] == 2 * (units - 1)


def test_only_the_workers_calls_pass_the_nat() -> None:
    """Not the sender's, nor those of the schedule that keeps the queue active."""
    month = monthly(stack(network={"nat": "instance"}), load("idle:30d"))
    assert [part.name for part in month.load] == [part.name for part in month.idle]
    requests = simulate(stack(), load("burst:1", "30s", body=1024**2), seed=1).requests
    assert requests.schedules == 1
    assert requests.sqs - requests.worker_calls == 16 + 15 + 1  # sent, received, and the one that keeps it active


def test_the_table_of_jobs_has_two_writes_a_job_and_one_for_each_extension() -> None:
    once = stack(jobs={"keep_days": 14})
    short, long = (simulate(once, load("burst:1", job), seed=1).requests.table_writes for job in ("30s", "250s"))
    assert (short, long) == (2, 4)  # the lease of 300 s is extended each 100 s
    outcome = simulate(once, load("burst:1", "30s"), seed=1)
    used = following(outcome, once)
    # the API's put and update with their index; a start and an end, each with an index that loses and gets an item
    assert used.writes == 2 * 2 + 2 * 3
    # the worker looks for a cancellation each 5 s, and the caller asks each 5 s
    ((latency, _),) = outcome.latencies.bins()
    assert used.questions == math.ceil(latency / 5)
    assert used.reads == (30 / 5 + used.questions) / 2
    assert used.workflows == 1
    days = 730 / 24
    expected = days * (used.writes * 0.625e-6 + used.reads * 0.125e-6)
    assert of(monthly(once, load("burst:1", "30s")).load, "Table of jobs") == pytest.approx(expected, rel=0.01)


def test_events_and_webhooks_are_billed_by_ended_jobs_and_a_webhook_saves_the_callers_questions() -> None:
    events = {"keep_days": 14, "events": True}
    asked = stack(jobs=events)
    told = stack(jobs={**events, "webhook": {"url": "https://example.com/h", "secret": "/hooks/token"}})
    several = load("burst:4", "30s")
    for scenario, hooks in ((asked, 0), (told, 4)):
        used = following(simulate(scenario, several, seed=1), scenario)
        assert (used.events, used.webhooks) == (4, hooks)
        assert (used.questions == 0) == bool(hooks)
    names = {part.name for part in monthly(told, several).load}
    assert {"Events", "Webhooks"} <= names
    assert "Callers' questions" not in names


def test_container_insights_cost_their_metrics_in_the_hours_in_which_tasks_run() -> None:
    watched = stack(worker={"insights": True, "metrics": False})
    one = load("burst:1", "30s")
    hours = observation.running_hours(simulate(watched, one, seed=1))
    assert hours == 1
    assert of(monthly(watched, one).load, "Custom metrics") == pytest.approx(0.30 * 25 * hours / 24, rel=0.05)
    always = monthly(stack(worker={"insights": True, "metrics": False}, scaling={"min_tasks": 1}))
    assert of(always.idle, "Custom metrics") == pytest.approx(0.30 * 25)


def test_a_flow_log_costs_its_bytes_and_the_months_that_it_is_kept() -> None:
    busy = {"scaling": {"min_tasks": 1}}
    kept = monthly(stack(network={"flow_log_days": 365}, **busy))
    assert of(kept.idle, "Flow log") == pytest.approx(4 * 730 * 3600 / 1e9 * (0.50 + 0.03 * 12), rel=0.01)
    assert "Flow log" not in {part.name for part in monthly(stack(**busy)).idle}


def test_what_the_bill_lacks_is_what_the_stack_has() -> None:
    assert stack().unpriced == (
        "what the jobs use themselves",
        "the dashboard, if the account has three others ($3.00 a month)",
        "older images in ECR",
        "tax",
    )
    network = {"nat": "instance", "nat_instance_type": "x99.large"}
    lacks = stack(network=network, queue={"kms": "new"}, worker={"payload_bucket": "bodies"}).unpriced
    assert "the NAT instance (the price of x99.large is unknown)" in lacks
    assert "the KMS key's rotations ($1.00 a month more after each of the first two years)" in lacks
    assert "the requests to the payload bucket" in lacks


def test_the_bill_of_keda_lacks_its_cluster() -> None:
    own = stack()
    keda = next(each for each in BASELINES if each.name == "keda").scenario(own, JobProfile(typical=30, longest=30))
    assert keda.unpriced == ("the Kubernetes cluster ($73.00 a month on EKS)", *own.unpriced)


def test_a_firewall_costs_its_acl_its_rules_and_each_request() -> None:
    scenario = from_settings(Settings(api=sections.Api(waf=True)))
    few = load("burst:2")
    assert {part.name: part.dollars for part in bill.monthly(simulate(scenario, few), scenario, few).idle}[
        "Firewall"
    ] == 7
    assert {part.name: part.dollars for part in bill.a_million(scenario)}["Firewall's requests"] == 0.60
