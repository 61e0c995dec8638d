"""How many tasks the watcher asks for: the minimum number of tasks that it registers, from counts of messages.

Counts are those of SQS's GetQueueAttributes: visible, in flight, delayed. components/workflows/waking.py deploys the
same arithmetic as expressions of a workflow, and a forecast evaluates it.
"""

from dataclasses import dataclass

from policy import plan, steps
from policy.formula import ceil_ratio, choose, largest, smallest
from settings import Settings

#: About so many jobs of a burst start a look. One would be enough; but each of them reads a count to which the others
#: have already added.
STARTS = 10
#: Pauses in seconds: before the second look, and before the third. SQS counts some seconds late, and a burst may take
#: minutes. Express workflows are billed while they wait.
PAUSES = (5, 20)
#: Seconds until a raised minimum is taken back without a watcher. The watcher does it when the tasks have started, so
#: this is longer than a start.
TAKE_BACK_SECONDS = 600


@dataclass(frozen=True, kw_only=True)
class Sizing:
    """Messages of backlog per task (None: only the first task), jobs that a task runs at once, and maximum tasks."""

    share: int | None
    concurrency: int
    maximum: int

    def need(self, visible: int, in_flight: int, delayed: int) -> int:
        """The number of tasks that the jobs have use for; 0 without any.

        The step of the alarms for all messages; from two waiting shares on also the tasks that are busy, and the step
        for what waits. But never more than the messages keep busy. A delayed message has use for the first task only.
        """
        messages = visible + in_flight
        tasks = 1
        if self.share is not None:
            tasks = choose(
                visible < 2 * self.share,
                self._step(messages),
                largest(self._step(messages), ceil_ratio(in_flight, self.concurrency) + self._step(visible)),
            )
            tasks = smallest(tasks, largest(1, ceil_ratio(messages, self.concurrency)), self.maximum)
        return choose(messages + delayed > 0, tasks, 0)

    def _step(self, messages: int) -> int:
        return 1 if self.share is None else steps.ladder(messages, self.share, self.concurrency)


def least(need: int, *, floor: int, desired: int, limit: int) -> int:
    """The minimum to register: what is needed if that is above the desired count, otherwise 1 while there are jobs.

    It only raises the desired count. Afterwards alarms remove the tasks again, since the minimum is back at 1.
    `floor`: the minimum without jobs. `limit`: the scalable target's maximum, which a minimum must not exceed.
    """
    capped = smallest(need, limit)
    return smallest(limit, largest(floor, choose(capped > desired, capped, smallest(need, 1))))


def changes(least: int, *, registered: int, running: int, desired: int) -> bool:
    """Whether the minimum is registered: a larger one at once, a smaller one when all tasks have started.

    SQS counts some seconds late, so it may not count the job for which a task is still starting.
    """
    return (least > registered) | ((registered > least) & (running >= desired))


def beyond(least: int, floor: int) -> bool:
    """Whether a minimum that nothing lowers again would cost more than one task."""
    return least > largest(1, floor)


def sizing(settings: Settings) -> Sizing:
    """The sizing of these settings. With a table of `steps` the watcher starts the first task, the table the others."""
    return Sizing(
        share=None if settings.scaling.steps else plan.share(settings),
        concurrency=settings.worker.concurrency,
        maximum=plan.max_tasks(settings),
    )
