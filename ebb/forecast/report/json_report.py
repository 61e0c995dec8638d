"""A forecast as JSON, for programs. The shape below is complete; later versions may add keys but do not change these.

```
{
  "load": "burst:200 of 30s", "runs": 20, "seed": 1,
  "stack": SCENARIO,
  "against": [SCENARIO, …],           # the baselines, with --against
  "vs": [{"changes": "scaling.watch=true", "differences": {"wake p95": ESTIMATE, …}, …as SCENARIO}, …],  # with --vs
  "scale": [{"times": 10, "max_tasks": 100, "jobs_a_month": 60e3, "wait_p95": 96.1, "dollars_per_month": 12.1,
             "dollars_per_1000_jobs": 0.2, "alternatives": {"Spot": 9.1, …}, "extrapolated": false}, …],  # with --scale
  "sensitivity": [{"assumption": "start of a task", "wait_p95_less": ESTIMATE, "wait_p95_more": ESTIMATE,
                   "dollars_less": ESTIMATE, "dollars_more": ESTIMATE}, …],                        # with --sensitivity
  "no_effect": ["task protection's call", …],
  "budgets": [{"key": "wake_p95", "limit": 240.0, "value": 251.2, "exceeded": true}, …],
  "calibration": ""                   # a sentence about delays that were measured in this stack
}
SCENARIO = {
  "name": "dev", "title": "", "source": "",
  "seconds": {"wake": SPREAD, "wait": SPREAD, "latency": SPREAD, "drain": SPREAD},  # null where the load has no jobs
  "per_run": {"sent": 200.0, "done": 200.0, "task_hours": ESTIMATE, "launches": ESTIMATE, "killed": ESTIMATE,
              "give_backs": ESTIMATE, "failed": ESTIMATE, "dead": ESTIMATE, "left": ESTIMATE, "refused": ESTIMATE},
  "dollars_per_month": {"idle": 7.4, "load": 9.1,
                        "idle_parts": [{"name": "…", "dollars": 0.5, "source": "…"}, …], "load_parts": […],
                        "every_hours": 24.0, "not_included": ["tax", …]},
  "dollars_per_million_sent": [{"name": "API requests", "dollars": 3.5, "source": "…"}, …],
  "lints": [{"code": "long-period", "text": "…"}, …]
}
SPREAD = {"p50": ESTIMATE, "p95": ESTIMATE}
ESTIMATE = {"value": 143.2, "low": 138.0, "high": 150.1}   # with a 95 % interval; null means never
```
"""

import math
from typing import Any

from ebb.forecast.durations import HOUR
from ebb.forecast.report import budgets
from ebb.forecast.results import bill
from ebb.forecast.results.bill import Part
from ebb.forecast.results.findings import Finding, Report, Scale, Swing, Versus
from ebb.forecast.results.monte_carlo import Estimate, Forecast, Spread


def document(report: Report) -> dict[str, Any]:
    """The document, in the types that JSON has."""
    found = report.own.forecast
    return {
        "load": found.load,
        "runs": found.runs,
        "seed": found.seed,
        "stack": _scenario(report.own),
        "against": [_scenario(each) for each in report.baselines],
        "vs": [_versus(each) for each in report.versus],
        "scale": [_scale(each) for each in report.scales],
        "sensitivity": [_swing(each) for each in report.swings],
        "no_effect": list(report.no_effect),
        "budgets": budgets.document(report.budgets),
        "calibration": report.calibration,
    }


def _versus(versus: Versus) -> dict[str, Any]:
    differences = {name: estimate(each) for name, each in versus.differences.items()}
    return {"changes": versus.changes, "differences": differences, **_scenario(versus.finding)}


def _scale(scale: Scale) -> dict[str, Any]:
    return {
        "times": scale.times,
        "max_tasks": scale.max_tasks,
        "jobs_a_month": scale.jobs_a_month,
        "wait_p95": None if scale.wait is None else _finite(scale.wait),
        "dollars_per_month": scale.dollars,
        "dollars_per_1000_jobs": scale.dollars_per_1000,
        "alternatives": dict(scale.alternatives),
        "extrapolated": scale.extrapolated,
    }


def _swing(swing: Swing) -> dict[str, Any]:
    return {
        "assumption": swing.assumption,
        "wait_p95_less": estimate(swing.wait_less),
        "wait_p95_more": estimate(swing.wait_more),
        "dollars_less": estimate(swing.dollars_less),
        "dollars_more": estimate(swing.dollars_more),
    }


def _scenario(finding: Finding) -> dict[str, Any]:
    found = finding.forecast
    return {
        "name": found.scenario.name,
        "title": finding.title,
        "source": finding.source,
        "seconds": {name: _spread(getattr(found, name)) for name in ("wake", "wait", "latency", "drain")},
        "per_run": {"sent": found.sent, "done": found.done, **_means(found)},
        "dollars_per_month": {
            "idle": found.bill.idle_total,
            "load": found.bill.load_total,
            "idle_parts": [_part(part) for part in found.bill.idle],
            "load_parts": [_part(part) for part in found.bill.load],
            "every_hours": found.every / HOUR,
            "not_included": list(found.scenario.unpriced),
        },
        "dollars_per_million_sent": [_part(part) for part in bill.a_million(found.scenario)],
        "lints": [{"code": each.code, "text": each.text} for each in finding.problems],
    }


def _means(found: Forecast) -> dict[str, Any]:
    names = ("task_hours", "launches", "killed", "give_backs", "failed", "dead", "left", "refused")
    return {name: estimate(getattr(found, name)) for name in names}


def _spread(spread: Spread | None) -> dict[str, Any] | None:
    return None if spread is None else {"p50": estimate(spread.p50), "p95": estimate(spread.p95)}


def estimate(of: Estimate) -> dict[str, float | None]:
    """A value with its interval; null is never."""
    return {"value": _finite(of.value), "low": _finite(of.low), "high": _finite(of.high)}


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _part(part: Part) -> dict[str, Any]:
    return {"name": part.name, "dollars": part.dollars, "source": part.source}
