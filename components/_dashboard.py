"""The planned dashboard as CloudWatch's JSON (API reference, "Dashboard body structure and syntax")."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from policy.dashboard import COLUMNS, GRAPH_HEIGHT, TEXT_HEIGHT, Dashboard, Graph, Line
from policy.plan import Source

Widget = dict[str, Any]
#: Where the console is in other partitions than `aws` (AWS general reference, "AWS Management Console endpoints").
CONSOLES = {"aws-cn": "console.amazonaws.cn", "aws-us-gov": "console.amazonaws-us-gov.com"}
#: The height of the widget with all alarms.
ALARMS_HEIGHT = 4


def body(
    plan: Dashboard,
    dimensions: Mapping[Source, Mapping[str, str]],
    alarm_arns: Sequence[str],
    region: str,
) -> dict[str, Any]:
    """The dashboard's body."""
    alarms = {
        "type": "alarm",
        **_place(0, TEXT_HEIGHT, COLUMNS, ALARMS_HEIGHT),
        "properties": {"title": "Alarms", "alarms": list(alarm_arns)},
    }
    first = [_text(plan.text, _place(0, 0, COLUMNS, TEXT_HEIGHT)), alarms]
    return {"widgets": [*first, *_graphs(plan.graphs, dimensions, region)]}


def url(partition: str, region: str, name: str) -> str:
    """The dashboard's address in the console."""
    console = CONSOLES.get(partition, "console.aws.amazon.com")
    return f"https://{region}.{console}/cloudwatch/home?region={region}#dashboards/dashboard/{name}"


def _graphs(graphs: Sequence[Graph], dimensions: Mapping[Source, Mapping[str, str]], region: str) -> Iterator[Widget]:
    """Each graph below its text, from left to right; a graph that has no room begins a row."""
    x, y = 0, TEXT_HEIGHT + ALARMS_HEIGHT
    for graph in graphs:
        if x + graph.width > COLUMNS:
            x, y = 0, y + TEXT_HEIGHT + GRAPH_HEIGHT
        yield _text(f"**{graph.title}** {graph.text}", _place(x, y, graph.width, TEXT_HEIGHT))
        yield {
            "type": "metric",
            **_place(x, y + TEXT_HEIGHT, graph.width, GRAPH_HEIGHT),
            "properties": _properties(graph, dimensions, region),
        }
        x += graph.width


def _properties(graph: Graph, dimensions: Mapping[Source, Mapping[str, str]], region: str) -> Widget:
    axes = {"left": {"label": graph.unit, "min": 0, "showUnits": False}}
    if graph.right_unit:
        axes["right"] = {"label": graph.right_unit, "min": 0, "showUnits": False}
    marks = [{"label": label, "value": value} for label, value in graph.marks]
    return {
        "title": graph.title,
        "view": "timeSeries",
        "region": region,
        "period": graph.period,
        "metrics": [_line(line, dimensions) for line in graph.lines],
        "yAxis": axes,
        **({"annotations": {"horizontal": marks}} if marks else {}),
    }


def _line(line: Line, dimensions: Mapping[Source, Mapping[str, str]]) -> list[Any]:
    shown: dict[str, Any] = {"label": line.label} if line.label else {"visible": False}
    if line.right:
        shown["yAxis"] = "right"
    if line.metric is None:
        return [{"expression": line.expression, "id": "e", **shown}]
    metric = line.metric
    names = [text for pair in dimensions[metric.of].items() for text in pair]
    return [metric.namespace, metric.name, *names, {"id": metric.id, "stat": metric.statistic, **shown}]


def _text(markdown: str, place: dict[str, int]) -> Widget:
    return {"type": "text", **place, "properties": {"markdown": markdown, "background": "transparent"}}


def _place(x: int, y: int, width: int, height: int) -> dict[str, int]:
    return {"x": x, "y": y, "width": width, "height": height}
