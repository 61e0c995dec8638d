"""docs/dashboard.svg has what the dashboard's definition has."""

import re

from policy.dashboard import dashboard
from policy.monitoring import alarms
from tools.alarm_days.days import SETTINGS
from tools.dashboard_picture import PAGE


def test_the_picture_has_each_graph_line_and_alarm_of_the_definition() -> None:
    texts = {text.strip() for text in re.findall(r"<text[^>]*>([^<]*)</text>", PAGE.read_text(encoding="utf-8"))}
    plan = dashboard(SETTINGS)
    assert {graph.title for graph in plan.graphs} <= texts
    assert {line.label for graph in plan.graphs for line in graph.lines if line.label} <= texts
    assert {f"OK  {role}" for role in alarms(SETTINGS)} <= texts | {text.replace(" ", "  ", 1) for text in texts}
