"""Programs that read `--json` go on working: keys are added, none is renamed or moved."""

import json
from typing import Any

from ebb.forecast.load.workloads import load
from ebb.forecast.report import json_report
from ebb.forecast.results.findings import Report
from ebb.forecast.run import Request, findings

ESTIMATE = {"value": float, "low": float, "high": float}
SPREAD = {"p50": ESTIMATE, "p95": ESTIMATE}
COUNTS = ("task_hours", "launches", "killed", "give_backs", "failed", "dead", "left")
PART = {"name": str, "dollars": float, "source": str}
#: The keys of the first version, with their types.
SCENARIO = {
    "name": str,
    "title": str,
    "source": str,
    "seconds": dict.fromkeys(("wake", "wait", "latency", "drain"), SPREAD),
    "per_run": {"sent": float, "done": float, **dict.fromkeys(COUNTS, ESTIMATE)},
    "dollars_per_month": {"idle": float, "load": float, "idle_parts": [PART], "load_parts": [PART]},
    "dollars_per_million_sent": [PART],
    "lints": [{"code": str, "text": str}],
}
DOCUMENT = {"load": str, "runs": int, "seed": int, "stack": SCENARIO, "against": [SCENARIO]}


def has(value: Any, shape: Any, place: str = "") -> None:
    if isinstance(shape, dict):
        for key, inner in shape.items():
            assert key in value, f"{place}.{key}"
            has(value[key], inner, f"{place}.{key}")
    elif isinstance(shape, list):
        assert value, place
        for each in value:
            has(each, shape[0], place)
    else:
        assert isinstance(value, shape), place


def test_the_keys_of_the_first_version_are_where_they_were() -> None:
    changes = ("queue.max_receive_count=2",)  # a known problem
    request = Request(
        stack="docs/Pulumi.ten-tasks.yaml", load=load("burst:1", "30s"), changes=changes, against=True, runs=1
    )
    own, *baselines = findings(request, lambda *_: None)
    stuck = {"cdk-min-0", "copilot"}  # one message starts no task: their times are null
    shown = tuple(each for each in baselines if each.forecast.scenario.name not in stuck)
    document = json.loads(json.dumps(json_report.document(Report(own=own, baselines=shown)), allow_nan=False))
    for each in document["against"]:
        each["seconds"]["wake"] = each["seconds"]["wake"] or document["stack"]["seconds"]["wake"]  # always running
        each["lints"] = each["lints"] or document["stack"]["lints"]
    has(document, DOCUMENT)
