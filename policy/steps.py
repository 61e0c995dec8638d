"""Steps of a policy, calculated from numbers of messages and tasks.

Rules of Application Auto Scaling (user guide, "Step scaling policies"): bounds are relative to the alarm's threshold.
Above the threshold the lower bound belongs to a step, below it the upper bound. Steps have no gaps between them, and
the outermost step has no outer bound.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from policy.formula import ceil_ratio, choose, floor_ratio, smallest
from settings import Step
from settings.limits import MAX_STEPS

Comparison = Literal["GreaterThanOrEqualToThreshold", "LessThanOrEqualToThreshold", "LessThanThreshold"]
#: Tasks per share of backlog, from two shares upwards. More than 1, because jobs have already waited two minutes when
#: the alarm fires. A task that starts later, with the next step, would be idle for just as long.
TASKS_PER_SHARE = 1.5


@dataclass(frozen=True)
class Adjustment:
    """One step of a policy. Bounds are relative to the alarm's threshold; None is unlimited."""

    lower: float | None
    upper: float | None
    change: int


@dataclass(frozen=True)
class AlarmSteps:
    """An alarm's comparison and threshold in messages, and the steps of the policy that it invokes."""

    comparison: Comparison
    threshold: float
    steps: tuple[Adjustment, ...]


@dataclass(frozen=True)
class _Span:
    lower: float
    upper: float
    change: int


def share(seconds_per_job: float, tolerated_wait: float, concurrency: int = 1) -> int:
    """Messages of backlog per task: as many as a task does within the tolerated wait, but at least `concurrency`.

    Times are in seconds.
    """
    return max(concurrency, math.ceil(concurrency * tolerated_wait / seconds_per_job))


def ladder(messages: int, share: int, concurrency: int = 1, *, tasks_per_share: float = TASKS_PER_SHARE) -> int:
    """Tasks for a backlog: one; from two shares on `tasks_per_share` for each whole share, but only busy ones.

    Products before quotients, so that no fraction is rounded twice.
    """
    shares = floor_ratio(messages, share)
    tasks, per_shares = tasks_per_share.as_integer_ratio()
    wanted, busy = ceil_ratio(tasks * shares, per_shares), ceil_ratio(share * shares, concurrency)
    return choose(messages < 2 * share, 1, smallest(wanted, busy))


def recommended(
    max_tasks: int, messages_per_task: int, concurrency: int = 1, *, tasks_per_share: float = TASKS_PER_SHARE
) -> AlarmSteps:
    """The recommended scale-out: one task from the first message, then tasks in proportion to the backlog.

    A step for each k shares has the number of `ladder`. If that makes more than MAX_STEPS steps, k increases
    geometrically.
    """
    most = min(tasks_per_share, messages_per_task / concurrency)
    shares = [count for count in _spread(math.ceil(max_tasks / most), MAX_STEPS - 1) if count > 1]
    tasks = [
        ladder(count * messages_per_task, messages_per_task, concurrency, tasks_per_share=tasks_per_share)
        for count in shares
    ]
    changes = [1, *(min(max_tasks, number) for number in tasks)]
    bounds = [1, *(count * messages_per_task for count in shares), math.inf]
    spans = [_Span(lower, upper, change) for (lower, upper), change in zip(pairwise(bounds), changes, strict=True)]
    return AlarmSteps("GreaterThanOrEqualToThreshold", 1, _relative(_merged(spans), 1))


def at_start(adding: AlarmSteps, min_tasks: int) -> AlarmSteps:
    """The same steps as numbers of tasks while no job is running: `min_tasks` and what the step adds.

    There is no number that changes nothing, so where the steps add no task, the step below applies.
    """
    tasks = [step.change for step in adding.steps]
    for index, change in enumerate(tasks):
        tasks[index] = change or tasks[index - 1]
    spans = [
        _Span(step.lower or 0, math.inf if step.upper is None else step.upper, min_tasks + change)
        for step, change in zip(adding.steps, tasks, strict=True)
    ]
    return AlarmSteps(adding.comparison, adding.threshold, _relative(_merged(spans), 0))


def exact(max_tasks: int) -> tuple[Adjustment, ...]:
    """The metric's value as the number of tasks, relative to a threshold of one."""
    counts = _spread(max_tasks, MAX_STEPS)
    bounds = [*counts, math.inf]
    spans = [_Span(lower, upper, count) for (lower, upper), count in zip(pairwise(bounds), counts, strict=True)]
    return _relative(spans, 1)


def surplus(max_tasks: int) -> tuple[Adjustment, ...]:
    """Removes all surplus tasks but one, relative to a threshold of two."""
    counts = _spread(max(1, max_tasks - 1), MAX_STEPS)
    bounds = [*(count - 1 for count in counts), math.inf]
    spans = [_Span(lower, upper, -count) for (lower, upper), count in zip(pairwise(bounds), counts, strict=True)]
    return _relative(spans, 0)


def scale_out(table: Sequence[Step]) -> AlarmSteps:
    """The steps of the table that add tasks. The lower bound belongs to a step, the upper bound does not."""
    spans = [span for span in _spans(table) if span.change > 0]
    threshold = spans[0].lower
    return AlarmSteps(
        "GreaterThanOrEqualToThreshold", threshold, _relative(_merged(_filled(spans, threshold, math.inf)), threshold)
    )


def scale_in(table: Sequence[Step]) -> AlarmSteps | None:
    """The steps of the table that remove tasks; None if there are none.

    The upper bound belongs to a step, unless a step that adds tasks begins there. The lower bound does not, except 0.
    """
    spans = [span for span in _spans(table) if span.change < 0]
    if not spans:
        return None
    threshold = spans[-1].upper
    taken = any(span.change > 0 and span.lower == threshold for span in _spans(table))
    comparison: Comparison = "LessThanThreshold" if taken else "LessThanOrEqualToThreshold"
    return AlarmSteps(comparison, threshold, _relative(_merged(_filled(spans, -math.inf, threshold)), threshold))


#: Messages waiting (v) while none is in flight (n), and while some are; otherwise 0. SQS can omit n if it is 0.
START_EXPRESSION = "IF(FILL(n,0) > 0, 0, v)"
MORE_EXPRESSION = "IF(FILL(n,0) > 0, v, 0 * v)"


def need_expression(messages_per_task: int, concurrency: int = 1) -> str:
    """Tasks that messages waiting (v) and in flight (n) have use for: one while nothing runs; 0 while little waits.

    From two waiting shares on, the tasks that are busy and the `ladder` for what waits.
    """
    tasks, per_shares = TASKS_PER_SHARE.as_integer_ratio()
    if tasks * concurrency > messages_per_task * per_shares:  # more than the messages keep busy
        tasks, per_shares = messages_per_task, concurrency
    ladder_ = f"CEIL({tasks} * FLOOR(v / {messages_per_task}) / {per_shares})"
    few = "IF(FILL(n,0) > 0, 0 * v, v > 0)"
    return f"IF(v >= {2 * messages_per_task}, CEIL(FILL(n,0) / {concurrency}) + {ladder_}, {few})"


def idle_expression(min_tasks: int, *, delayed: bool = True) -> str:
    """Messages waiting (v), in flight (n) and delayed (d) while more than `min_tasks` tasks run (r), otherwise 1.

    So the alarm on it stays OK while there is nothing to remove, and a task that something else started is not removed
    immediately. r can be late, so its last value is repeated. A minute without data from SQS repeats the minute before,
    because IF would treat it as 0. SQS can omit n and d if they are 0; the sum with v then counts them as 0.
    """
    messages = "v + n + d" if delayed else "v + n"
    return f"IF(FILL(r,REPEAT) > {min_tasks}, FILL({messages},REPEAT), 1)"


def surplus_expression(messages_per_task: int, concurrency: int = 1) -> str:
    """Running tasks (r) minus those that messages in flight (n) keep busy, and minus one per share of the waiting (v).

    A minute whose number of tasks is unknown yields 0. The number is two or three minutes old, and unknown at zero
    tasks. So a task that has just started is not counted as surplus. Without messages the result is 0, because the
    alarm on `idle_expression` then removes all tasks.
    """
    busy = "n" if concurrency == 1 else f"n / {concurrency}"
    return f"IF(r > 0, IF(n + v > 0, r - CEIL({busy} + v / {messages_per_task}), 0))"


def _spread(last: int, maximum: int) -> list[int]:
    """The numbers from 1 to `last`; if they are more than `maximum`, a geometric selection of them."""
    if last <= maximum:
        return list(range(1, last + 1))
    return sorted({round(last ** (step / (maximum - 1))) for step in range(maximum)})


def _spans(table: Iterable[Step]) -> list[_Span]:
    return [
        _Span(step.lower or -math.inf, math.inf if step.upper is None else step.upper, step.change) for step in table
    ]


def _filled(spans: Sequence[_Span], lowest: float, highest: float) -> Iterator[_Span]:
    """The spans, with a span without change in each gap from `lowest` to `highest`."""
    edge = lowest
    for span in spans:
        if edge < span.lower:
            yield _Span(edge, span.lower, 0)
        yield span
        edge = span.upper
    if edge < highest:
        yield _Span(edge, highest, 0)


def _merged(spans: Iterable[_Span]) -> list[_Span]:
    """The spans; neighbours with the same change become one."""
    merged: list[_Span] = []
    for span in spans:
        joins = merged and merged[-1].change == span.change
        merged.append(_Span(merged.pop().lower, span.upper, span.change) if joins else span)
    return merged


def _relative(spans: Iterable[_Span], threshold: float) -> tuple[Adjustment, ...]:
    def bound(absolute: float) -> float | None:
        return absolute - threshold if math.isfinite(absolute) else None

    return tuple(Adjustment(bound(span.lower), bound(span.upper), span.change) for span in spans)
