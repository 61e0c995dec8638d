"""A forecast as JSON, for programs. The shape below is complete; later versions may add keys but do not change these.

```
{
  "load": "burst:200 of 30s", "runs": 20, "seed": 1,
  "stack": SCENARIO,
  "against": [SCENARIO, …]            # the baselines, with --against
}
SCENARIO = {
  "name": "dev", "title": "", "source": "",
  "seconds": {"wake": SPREAD, "wait": SPREAD, "latency": SPREAD, "drain": SPREAD},  # null where the load has no jobs
  "per_run": {"sent": 200.0, "done": 200.0, "task_hours": ESTIMATE, "launches": ESTIMATE, "killed": ESTIMATE,
              "give_backs": ESTIMATE, "failed": ESTIMATE, "dead": ESTIMATE, "left": ESTIMATE},
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
from collections.abc import Sequence
from typing import Any

from ebb.forecast import bill
from ebb.forecast.bill import Part
from ebb.forecast.durations import HOUR
from ebb.forecast.findings import Finding
from ebb.forecast.monte_carlo import Estimate, Forecast, Spread


def document(own: Finding, baselines: Sequence[Finding] = ()) -> dict[str, Any]:
    """The document, in the types that JSON has."""
    found = own.forecast
    return {
        "load": found.load,
        "runs": found.runs,
        "seed": found.seed,
        "stack": _scenario(own),
        "against": [_scenario(each) for each in baselines],
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
            "not_included": list(bill.not_included(found.scenario)),
        },
        "dollars_per_million_sent": [_part(part) for part in bill.a_million(found.scenario)],
        "lints": [{"code": each.code, "text": each.text} for each in finding.problems],
    }


def _means(found: Forecast) -> dict[str, Any]:
    names = ("task_hours", "launches", "killed", "give_backs", "failed", "dead", "left")
    return {name: _estimate(getattr(found, name)) for name in names}


def _spread(spread: Spread | None) -> dict[str, Any] | None:
    return None if spread is None else {"p50": _estimate(spread.p50), "p95": _estimate(spread.p95)}


def _estimate(estimate: Estimate) -> dict[str, float | None]:
    return {"value": _finite(estimate.value), "low": _finite(estimate.low), "high": _finite(estimate.high)}


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _part(part: Part) -> dict[str, Any]:
    return {"name": part.name, "dollars": part.dollars, "source": part.source}
