"""The cost of a month: what is billed by time and by use, so far and at its end."""

from datetime import UTC, datetime

import pytest

from ebb.forecast.results import bill
from ebb.forecast.results.bill import MONTH, Use
from ebb.forecast.scenario.deployed import from_settings
from ebb.ops.cost import Cost, month_of, reckoned
from tests.helpers.stacks import read

SCENARIO = from_settings(read("dev"), "dev")
DAY = 86_400.0


def parts(cost: Cost, name: str) -> tuple[float, float]:
    (part,) = (part for part in cost.parts if part.name == name)
    return part.so_far, part.month


def test_a_month_begins_and_ends_in_utc_as_aws_bills() -> None:
    moment = datetime(2028, 2, 29, 23, 59, 59, tzinfo=UTC)
    begin, end = (datetime.fromtimestamp(time, UTC) for time in month_of(moment.timestamp()))
    assert (begin, end) == (datetime(2028, 2, 1, tzinfo=UTC), datetime(2028, 3, 1, tzinfo=UTC))


def test_what_is_billed_by_time_is_its_part_of_the_month_and_use_goes_on_as_before() -> None:
    use = Use(task_seconds=36_000, sqs=1e6)
    cost = reckoned(SCENARIO, use, since=0, now=10 * DAY, end=30 * DAY)
    of_a_month = {part.name: part.dollars for part in bill.parts(SCENARIO, use)}
    for name, by_use in (("Fargate", True), ("SQS requests", True), ("NAT instance", False)):
        so_far = of_a_month[name] if by_use else of_a_month[name] * 10 * DAY / MONTH
        assert parts(cost, name) == pytest.approx((so_far, 3 * so_far))
    assert cost.so_far == pytest.approx(sum(part.so_far for part in cost.parts))
    assert cost.month == pytest.approx(3 * cost.so_far)


def test_a_stack_that_was_made_in_this_month_pays_from_then_on() -> None:
    cost = reckoned(SCENARIO, Use(), since=20 * DAY, now=21 * DAY, end=30 * DAY)
    month = {part.name: part.dollars for part in bill.parts(SCENARIO, Use())}["NAT instance"]
    assert parts(cost, "NAT instance") == pytest.approx((month * DAY / MONTH, month * 10 * DAY / MONTH))
