"""Lines in CloudWatch's embedded metric format, which CloudWatch Logs turns into metrics and the emulator does not."""

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

#: The member that makes a line one (CloudWatch user guide, "Specification: Embedded metric format").
METADATA = "_aws"


def data(text: str, time: datetime) -> Iterator[tuple[str, dict[str, Any]]]:
    """The namespace and the datum of each metric in a line, for PutMetricData; nothing of other lines."""
    if f'"{METADATA}"' not in text:
        return
    try:
        line = json.loads(text)
        directives = line[METADATA]["CloudWatchMetrics"]
    except (ValueError, TypeError, KeyError):
        return
    for directive in directives:
        for names in directive["Dimensions"]:
            dimensions = [{"Name": name, "Value": str(line[name])} for name in names]
            for metric in directive["Metrics"]:
                value = line[metric["Name"]]
                yield (
                    directive["Namespace"],
                    {
                        "MetricName": metric["Name"],
                        "Dimensions": dimensions,
                        "Timestamp": time,
                        "Values": value if isinstance(value, list) else [value],
                        "Unit": metric.get("Unit", "None"),
                    },
                )
