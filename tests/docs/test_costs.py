"""README's figures about cost are those of `ebb forecast`'s bill: us-east-1, US dollars."""

from typing import Any

from ebb.forecast import prices
from ebb.forecast.load.workloads import load
from ebb.forecast.model.simulate import simulate
from ebb.forecast.results import bill
from ebb.forecast.results.bill import Bill, Part
from ebb.forecast.scenario.deployed import from_settings
from settings import read
from settings.network_rules import BASE_ENDPOINTS
from tests.docs.pages import README, rows, section

WORDS = " ".join(README.split())
ALARMS = {"Scaling alarms", "Operators' alarms"}


def monthly(arrivals: str = "idle:1d", **sections: Any) -> Bill:
    scenario, under = from_settings(read(sections)), load(arrivals)
    return bill.monthly(simulate(scenario, under, seed=1), scenario, under)


def dollars(parts: tuple[Part, ...], *names: str) -> float:
    return round(sum(part.dollars for part in parts if part.name in names), 2)


def network(**settings: Any) -> float:
    """What the network adds to an idle month."""
    return round(monthly(network=settings).idle_total - monthly().idle_total, 2)


def test_the_idle_cost_of_each_way_out() -> None:
    shown = {row[0]: float(row[1]) for row in list(rows(section("What it costs while idle")))[1:]}
    alarms = 2 * prices.ALARM_METRIC_MONTH.dollars  # of the NAT instance: two of "the alarms"
    assert shown == {
        "`nat: none`": 0,
        "`nat: instance`": round(network(nat="instance") - alarms, 2),
        "`nat: gateway`": network(nat="gateway"),
        "`nat: gateway_per_az`": network(nat="gateway_per_az"),
        "`endpoints`": network(endpoints=list(BASE_ENDPOINTS)),
    }
    further = network(endpoints=[*BASE_ENDPOINTS, "ssm"]) - network(endpoints=list(BASE_ENDPOINTS))
    assert f"each further endpoint {further:.2f}" in README
    assert f"${prices.NAT_GATEWAY_GB.dollars:g} per GB in addition" in README
    assert f"public addresses, ${prices.PUBLIC_IPV4_HOUR.dollars:g} an hour each" in README


def test_what_else_costs_while_idle() -> None:
    assert f"`kms: new` costs ${dollars(monthly(queue={'kms': 'new'}).idle, 'KMS key'):.2f} a month" in WORDS
    alarms = dollars(monthly().idle, *ALARMS)
    assert f"the alarms of the default settings ${alarms:.2f} a month" in WORDS
    free = 10 * prices.ALARM_METRIC_MONTH.dollars
    assert f"CloudWatch's ten free alarm metrics leave ${alarms - free:.2f} of it" in WORDS
    essential = dollars(monthly(monitoring={"alarms": "essential"}).idle, *ALARMS)
    assert f"With `monitoring.alarms: essential` they cost ${essential:.2f}, of which ${essential - free:.2f}" in WORDS


def test_what_costs_only_when_used() -> None:
    million = {part.name: part.dollars for part in bill.a_million(from_settings(read({})))}
    assert f"API Gateway (${million['API requests']:.2f} per million requests)" in WORDS
    assert (
        f"X-Ray costs ${million['X-Ray traces']:.2f} per million requests, if at most one is sent in each second"
        in WORDS
    )
    hourly = dollars(monthly("poisson:60/h:2d").load, "Custom metrics")
    assert f"The worker's five metrics cost ${hourly:.2f} a month, if a job runs in each hour" in WORDS


def test_what_a_task_costs_an_hour() -> None:
    warm = monthly(scaling={"min_tasks": 1}, worker={"cpu": 2048, "memory": 4096})
    shown = f"2048 CPU units and 4096 MiB on ARM64 is ${dollars(warm.idle, 'Fargate') / prices.MONTH_HOURS:.3f} an hour"
    assert shown in WORDS
