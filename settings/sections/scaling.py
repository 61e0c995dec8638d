"""The section `scaling`."""

from itertools import pairwise
from math import inf
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from settings import limits
from settings.forms import Day, TimeOfDay, Timezone, unique
from settings.sections.base import Section

#: From so many tasks on, a job that takes long keeps several others running without work.
SURPLUS_FROM_TASKS = 3


class Step(Section):
    """One step of a scaling table, in waiting messages. Between steps nothing changes while jobs are running."""

    lower: float | None = Field(
        None,
        ge=0,
        description="Lower bound, in messages. It belongs to a step that adds tasks, not to one that removes tasks "
        "(except 0).",
    )
    upper: float | None = Field(
        None,
        ge=0,
        description="Upper bound, in messages. It belongs to a step that removes tasks, not to one that adds tasks.",
    )
    change: int = Field(
        ge=-limits.MAX_TASKS, le=limits.MAX_TASKS, description="Number of tasks to add or, if negative, to remove."
    )


def _filled(steps: tuple[Step, ...]) -> tuple[Step, ...]:
    """steps in ascending order; a bound that is left out is the neighbour's, as in AWS CDK"""
    filled = list(steps)
    for place, (step, after) in enumerate(pairwise(steps)):
        if step.upper is None and after.lower is not None and after.lower > (step.lower or 0):
            filled[place] = filled[place].model_copy(update={"upper": after.lower})
        if after.lower is None and step.upper is not None and step.upper < (after.upper or inf):
            filled[place + 1] = after.model_copy(update={"lower": step.upper})
    return tuple(filled)


class WarmHours(Section):
    """Times of day with a higher minimum number of tasks than `min_tasks`."""

    start: TimeOfDay = Field(description="When the hours begin.")
    stop: TimeOfDay = Field(description="When the hours end. A time up to `start` is on the next day.")
    days: Annotated[tuple[Day, ...], AfterValidator(unique)] = Field(
        ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN"), min_length=1, description="Days on which the hours begin."
    )
    min_tasks: int = Field(
        ge=1,
        le=limits.MAX_TASKS,
        description="Minimum number of tasks. Where hours overlap, the larger one counts.",
    )


class Scaling(Section):
    """From zero to N tasks and back: the recommended policy from three numbers, or a table."""

    min_tasks: int = Field(0, ge=0, le=limits.MAX_TASKS, description="Minimum number of tasks.")
    max_tasks: int = Field(1, ge=1, le=limits.MAX_TASKS, description="Maximum number of tasks.")
    seconds_per_job: float = Field(60, gt=0, description="Approximate duration of a job, in seconds.")
    tolerated_wait: float = Field(300, ge=0, description="Seconds that a job may wait while tasks run.")
    surplus: bool | None = Field(
        None,
        description="Also removes tasks while there are fewer jobs than tasks. Default: true if `max_tasks` is 3 or "
        "more and there are no `steps`.",
    )
    message_groups: int | None = Field(
        None,
        ge=1,
        description="FIFO only: maximum number of message groups with jobs at the same time. The jobs of a group run "
        "one after the other, so the service starts only as many tasks as these groups can use.",
    )
    keep_alive: bool = Field(
        True,
        description="Calls the queue once an hour, so that SQS does not stop sending metrics. `watch` has the same "
        "effect.",
    )
    watch: bool = Field(
        False,
        description="Checks the queue once a minute and starts a task immediately, without waiting for SQS's metrics.",
    )
    direct: bool = Field(
        False,
        description="The API starts a task when it accepts a job. A job can have up to 200 KB. Includes `watch`.",
    )
    warm_hours: tuple[WarmHours, ...] = Field((), description="Times of day with a higher minimum number of tasks.")
    timezone: Timezone = Field("UTC", description="Time zone of `warm_hours`.")
    steps: Annotated[tuple[Step, ...], AfterValidator(_filled)] = Field(
        (),
        description="A table instead of the recommended scale-out policy. While no job is running, a gap in it counts "
        "as the step below.",
    )
    cooldown: int = Field(300, ge=0, description="Seconds between two changes by the table or by CPU.")
    scale_in: Literal["queue", "cpu", "steps"] | None = Field(
        None,
        description="What removes tasks: an empty queue, idle CPU, or negative steps. Default: `steps` if the table "
        "has negative steps, otherwise `queue`.",
    )
    cpu_threshold: float = Field(
        0.01, gt=0, le=100, description="Average CPU utilization (percent) at or below which `cpu` removes tasks."
    )
    cpu_minutes: int = Field(3, ge=1, le=1440, description="Minutes of the average CPU utilization.")

    @property
    def scales_in_by(self) -> Literal["queue", "cpu", "steps"]:
        """What removes tasks: `scale_in`, or its default."""
        return self.scale_in or ("steps" if any(step.change < 0 for step in self.steps) else "queue")

    @property
    def removes_surplus(self) -> bool:
        """Whether tasks are removed while there are fewer jobs than tasks: `surplus`, or its default."""
        if self.surplus is None:
            return self.max_tasks >= SURPLUS_FROM_TASKS and not self.steps
        return self.surplus

    @property
    def watches(self) -> bool:
        """Whether the watcher checks the queue once a minute."""
        return self.watch or self.direct

    @property
    def keeps_alive(self) -> bool:
        """Whether a schedule calls the queue once an hour; the watcher makes it unnecessary."""
        return self.keep_alive and not self.watches

    @property
    def moves_minimum(self) -> bool:
        """Whether the minimum number of tasks changes while the stack runs."""
        return self.watches or bool(self.warm_hours)
