"""The dashboard's definition: what it shows, on CloudWatch's grid, with expressions that can be read."""

import json
from typing import Any, get_args

import pytest

from components import _dashboard
from ebb.scaling.expressions import parse
from policy import monitoring
from policy.dashboard import COLUMNS, dashboard
from policy.plan import Source
from settings import Settings, Worker
from tools.alarm_days.days import SETTINGS

#: A dimension for each source, which shows where a metric comes from.
NAMES: Any = {source: {"Of": source} for source in get_args(Source)}


def body(settings: Settings) -> dict[str, Any]:
    return _dashboard.body(dashboard(settings), NAMES, ["arn:one", "arn:two"], "eu-west-1")


def graphs(settings: Settings) -> dict[str, Any]:
    found = [each["properties"] for each in body(settings)["widgets"] if each["type"] == "metric"]
    return {each["title"]: each for each in found}


def test_it_shows_what_an_operator_asks_for() -> None:
    assert list(graphs(SETTINGS)) == [
        *("Jobs in the queue", "Oldest job", "Tasks", "Time to drain", "Wait", "Duration"),
        *("Attempts by their end", "Disk of the tasks", "API", "Dead letters"),
    ]
    assert "Wait" not in graphs(Settings(worker=Worker(metrics=False)))
    (alarms,) = [each for each in body(SETTINGS)["widgets"] if each["type"] == "alarm"]
    assert alarms["properties"]["alarms"] == ["arn:one", "arn:two"]


def test_a_graph_has_its_lines_and_where_the_alarm_begins() -> None:
    found = graphs(SETTINGS)["Oldest job"]
    assert found["metrics"] == [
        ["AWS/SQS", "ApproximateAgeOfOldestMessage", "Of", "queue", {"id": "a", "stat": "Maximum", "label": "Age"}]
    ]
    threshold = monitoring.oldest_seconds(SETTINGS)
    assert found["annotations"] == {"horizontal": [{"label": "alarm", "value": threshold}]}
    kinds = [line[-1]["label"] for line in graphs(SETTINGS)["Attempts by their end"]["metrics"]]
    assert kinds == ["Done", "Failed", "Timed out", "Retried", "Rejected", "Given back", "Lease lost"]
    assert [line[-1]["stat"] for line in graphs(SETTINGS)["Wait"]["metrics"]] == ["p50", "p95", "Maximum"]


@pytest.mark.parametrize("settings", [Settings(), SETTINGS, Settings(worker=Worker(metrics=False))])
def test_no_widget_covers_another_and_each_is_on_the_grid(settings: Settings) -> None:
    taken: set[tuple[int, int]] = set()
    for each in body(settings)["widgets"]:
        assert each["x"] + each["width"] <= COLUMNS
        cells = {
            (each["x"] + right, each["y"] + down) for right in range(each["width"]) for down in range(each["height"])
        }
        assert not taken & cells
        taken |= cells


@pytest.mark.parametrize("settings", [Settings(), SETTINGS])
def test_a_free_dashboard_has_room_for_its_metrics(settings: Settings) -> None:
    metrics = [line for each in graphs(settings).values() for line in each["metrics"] if len(line) > 1]
    assert len(metrics) <= 50
    # CloudWatch API, PutDashboard: the body has at most 1 MB
    assert len(json.dumps(body(settings))) < 1_000_000


@pytest.mark.parametrize(
    ("title", "values", "shown"),
    [
        # ten jobs run on ten tasks; 20 more wait, and the maximum is ten
        ("Tasks", {"v": (20.0, 0.0, 3.0), "n": (10.0, None, 2.0)}, (10.0, 0.0, 3.0)),
        # 30 jobs wait, and 50 ended in five minutes; then none
        ("Time to drain", {"v": (30.0, 30.0, 0.0), "x": (50.0, 0.0, 5.0)}, (3.0, None, 0.0)),
    ],
)
def test_what_is_computed_is_right(
    title: str, values: dict[str, tuple[float | None, ...]], shown: tuple[float | None, ...]
) -> None:
    (computed,) = [line[0] for line in graphs(SETTINGS)[title]["metrics"] if len(line) == 1]
    assert parse(computed["expression"]).evaluate(values) == shown


@pytest.mark.parametrize(
    ("partition", "region", "host"),
    [
        ("aws", "eu-west-1", "eu-west-1.console.aws.amazon.com"),
        ("aws-cn", "cn-north-1", "cn-north-1.console.amazonaws.cn"),
        ("aws-us-gov", "us-gov-west-1", "us-gov-west-1.console.amazonaws-us-gov.com"),
    ],
)
def test_its_address_is_the_console_of_the_partition(partition: str, region: str, host: str) -> None:
    found = _dashboard.url(partition, region, "ebb-dev")
    assert found == f"https://{host}/cloudwatch/home?region={region}#dashboards/dashboard/ebb-dev"
