"""What Container Insights and a flow log cost."""

import math

from ebb.forecast import prices
from ebb.forecast.durations import HOUR
from ebb.forecast.model.outcome import Outcome
from ebb.forecast.prices import Price

#: Metrics of Container Insights: 8 of a cluster, 11 of a service, 6 of its tasks (aws.amazon.com/cloudwatch/pricing).
INSIGHTS = 25
#: Bytes of flow log in a second of a task: 20 records of 120 bytes in ten minutes. Assumed.
FLOW_LOG_BYTES = 4


def running_hours(outcome: Outcome) -> int:
    """The hours in which a task runs, at least for a moment."""
    ends = [*(time for time, _ in outcome.running[1:]), outcome.until]
    spans = [(time, end) for (time, tasks), end in zip(outcome.running, ends, strict=True) if tasks and end > time]
    return len({hour for time, end in spans for hour in range(int(time // HOUR), math.ceil(end / HOUR))})


def flow_log_gb(months: float) -> Price:
    """A GB of a flow log that is kept for so many months."""
    source = f"as Logs and Stored logs; {FLOW_LOG_BYTES} bytes a second of a task assumed"
    return Price(prices.LOG_GB.dollars + prices.LOG_GB_MONTH.dollars * months, source)
