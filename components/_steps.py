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
#: From how many tasks' shares of backlog on, what part of the greatest number of tasks starts at once, in tenths.
LADDER = ((2, 3), (10, 6), (40, 10))


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


def recommended(max_tasks: int, messages_per_task: int) -> Ladder:
    """The recommended scale-out: one task from the first message on, more at 2, 10 and 40 tasks' shares of backlog."""
    bounds = [1, *(shares * messages_per_task for shares, _ in LADDER), math.inf]
    changes = [1, *(-(-max_tasks * tenths // 10) for _, tenths in LADDER)]
    spans = [_Span(lower, upper, change) for (lower, upper), change in zip(pairwise(bounds), changes, strict=True)]
    return Ladder("GreaterThanOrEqualToThreshold", 1, _relative(_merged(spans), 1))


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
    not taken away at once. r may lag, hence REPEAT; a message metric without data counts as 0.
    """
    return f"IF(FILL(r,REPEAT) > {min_tasks}, v + n + d, 1)"


def surplus_expression(messages_per_task: int, concurrency: int = 1) -> str:
    """Running tasks (r) beyond one per `concurrency` messages in flight (n) and per share of the waiting (v)."""
    busy = "n" if concurrency == 1 else f"n / {concurrency}"
    return f"FILL(r,REPEAT) - CEIL({busy} + v / {messages_per_task})"


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
