"""From tasks per number of messages to what Application Auto Scaling wants: alarms, and steps relative to them.

Step semantics (Application Auto Scaling user guide, "Step scaling policies"): bounds count from the alarm's threshold;
above it a step owns its lower bound, below it its upper one; steps have no gaps, and the outer one has no end.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, Protocol

Comparison = Literal["GreaterThanOrEqualToThreshold", "LessThanOrEqualToThreshold", "LessThanThreshold"]
#: Tasks that start for each share of backlog, from two shares on: more than do it in the tolerated wait, since jobs
#: waited two minutes by then, and a task that comes later, with the next step, idles as long as one that comes at once.
TASKS_PER_SHARE = 1.5
#: Steps of a policy, at the most ("StepAdjustments", API_PutScalingPolicy; service quotas).
MOST_STEPS = 20


class Row(Protocol):
    """One row of a user's table: from `lower` up to `upper` messages, change the number of tasks."""

    @property
    def lower(self) -> float | None:
        """Messages, None is from none on."""

    @property
    def upper(self) -> float | None:
        """Messages, None is without end."""

    @property
    def change(self) -> int:
        """Tasks to add or, negative, to remove."""


@dataclass(frozen=True)
class Adjustment:
    """One step of a policy; bounds relative to the alarm's threshold, None is without end."""

    lower: float | None
    upper: float | None
    change: int


@dataclass(frozen=True)
class Ladder:
    """An alarm on the number of messages, and the policy that it invokes."""

    comparison: Comparison
    threshold: float
    steps: tuple[Adjustment, ...]


@dataclass(frozen=True)
class _Span:
    lower: float
    upper: float
    change: int


def share(seconds_per_job: float, tolerated_wait: float, concurrency: int = 1) -> int:
    """Messages of backlog that one task may own: what it gets done within the tolerated wait.

    At the least as many as it takes at once.
    """
    return max(concurrency, math.ceil(concurrency * tolerated_wait / seconds_per_job))


def recommended(
    max_tasks: int, messages_per_task: int, concurrency: int = 1, *, tasks_per_share: float = TASKS_PER_SHARE
) -> Ladder:
    """The recommended scale-out: one task from the first message on, then as many as the backlog has use for.

    From k shares on ceil(tasks_per_share * k) tasks, but no more than the messages keep busy. Where that would be more
    than MOST_STEPS steps, k goes up geometrically.
    """
    tasks_per_share = min(tasks_per_share, messages_per_task / concurrency)
    shares = [count for count in _up_to(math.ceil(max_tasks / tasks_per_share), MOST_STEPS - 1) if count > 1]
    changes = [1, *(min(max_tasks, math.ceil(tasks_per_share * count)) for count in shares)]
    bounds = [1, *(count * messages_per_task for count in shares), math.inf]
    spans = [_Span(lower, upper, change) for (lower, upper), change in zip(pairwise(bounds), changes, strict=True)]
    return Ladder("GreaterThanOrEqualToThreshold", 1, _relative(_merged(spans), 1))


def surplus(max_tasks: int) -> tuple[Adjustment, ...]:
    """Removes the tasks that are too many, relative to a threshold of two: all but one."""
    counts = _up_to(max(1, max_tasks - 1), MOST_STEPS)
    bounds = [*(count - 1 for count in counts), math.inf]
    spans = [_Span(lower, upper, -count) for (lower, upper), count in zip(pairwise(bounds), counts, strict=True)]
    return _relative(spans, 0)


def scale_out(table: Sequence[Row]) -> Ladder:
    """The rows that add tasks. A row holds from its lower bound up to, but without, its upper one."""
    spans = [span for span in _spans(table) if span.change > 0]
    threshold = spans[0].lower
    return Ladder(
        "GreaterThanOrEqualToThreshold", threshold, _relative(_merged(_filled(spans, threshold, math.inf)), threshold)
    )


def scale_in(table: Sequence[Row]) -> Ladder | None:
    """The rows that remove tasks, None without any.

    A row holds from above its lower bound (0 included: there are no fewer messages) up to and with its upper one, which
    is another row's that adds tasks from there on.
    """
    spans = [span for span in _spans(table) if span.change < 0]
    if not spans:
        return None
    threshold = spans[-1].upper
    taken = any(span.change > 0 and span.lower == threshold for span in _spans(table))
    comparison: Comparison = "LessThanThreshold" if taken else "LessThanOrEqualToThreshold"
    return Ladder(comparison, threshold, _relative(_merged(_filled(spans, -math.inf, threshold)), threshold))


def idle_expression(min_tasks: int) -> str:
    """Messages waiting (v), in flight (n) and delayed (d) while more than the least tasks run (r), else 1.

    So the alarm on it is not in ALARM while there is nothing to remove, and a task that was started by other means is
    not taken away at once. r may lag, hence REPEAT. A minute that SQS has not told of is taken for the one before: IF
    would take it for 0. SQS may leave out n and d where there are none; in a sum with v they count as 0 then.
    """
    return f"IF(FILL(r,REPEAT) > {min_tasks}, FILL(v + n + d,REPEAT), 1)"


def surplus_expression(messages_per_task: int, concurrency: int = 1) -> str:
    """Running tasks (r) beyond one per `concurrency` messages in flight (n) and per share of the waiting (v).

    Of minutes of which the number of tasks is known: two or three ago, and none once they are gone, so that a task that
    has just been woken is not one of those that were. Without any message it is nothing: the alarm for that does more.
    """
    busy = "n" if concurrency == 1 else f"n / {concurrency}"
    return f"IF(r > 0, IF(n + v > 0, r - CEIL({busy} + v / {messages_per_task}), 0))"


def _up_to(last: int, most: int) -> list[int]:
    """The whole numbers from 1 to the last if they are `most` or fewer, else so many of them, ever farther apart."""
    if last <= most:
        return list(range(1, last + 1))
    return sorted({round(last ** (step / (most - 1))) for step in range(most)})


def _spans(table: Iterable[Row]) -> list[_Span]:
    return [
        _Span(row.lower if row.lower else -math.inf, math.inf if row.upper is None else row.upper, row.change)
        for row in table
    ]


def _filled(spans: Sequence[_Span], lowest: float, highest: float) -> Iterator[_Span]:
    """The spans with what lies between and beyond them as spans without change."""
    edge = lowest
    for span in spans:
        if edge < span.lower:
            yield _Span(edge, span.lower, 0)
        yield span
        edge = span.upper
    if edge < highest:
        yield _Span(edge, highest, 0)


def _merged(spans: Iterable[_Span]) -> list[_Span]:
    """Neighbours of one change as one span."""
    merged: list[_Span] = []
    for span in spans:
        joins = merged and merged[-1].change == span.change
        merged.append(_Span(merged.pop().lower, span.upper, span.change) if joins else span)
    return merged


def _relative(spans: Iterable[_Span], threshold: float) -> tuple[Adjustment, ...]:
    def bound(absolute: float) -> float | None:
        return absolute - threshold if math.isfinite(absolute) else None

    return tuple(Adjustment(bound(span.lower), bound(span.upper), span.change) for span in spans)
