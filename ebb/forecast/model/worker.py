"""The worker in a task: receives, asks for protection, works, extends, settles, and gives back when it has to go."""

import math

from ebb.forecast.model.context import Context
from ebb.forecast.model.queue import MOST_MESSAGES, Message, Queue
from ebb.forecast.model.service import Service, Task

#: Seconds after its receive at which SQS takes a message back, extended or not (SQS guide, visibility timeout), and how
#: much before it the job is stopped (worker/core/lease.py: END_MARGIN and STOP_BEFORE).
LONGEST_JOB, STOP_BEFORE = 43_200, 8
#: Minutes of protection at the most (ECS API, UpdateTaskProtection), and how many are asked for beyond twice the
#: longest job; seconds that protection must outlast the longest job (worker/core/protection.py).
MOST_MINUTES, SPARE_MINUTES, OUTLAST = 2880, 10, 60


class Shared:
    """What the workers of a service have in common."""

    def __init__(self, context: Context) -> None:
        self.setup, self.world = context.setup, context.world
        self.clock, self.record, self.random = context.clock, context.record, context.random
        worker, queue = self.setup.worker, self.setup.queue
        longest = worker.job_timeout or LONGEST_JOB
        self.covers = longest + OUTLAST
        self.protection = 60.0 * min(MOST_MINUTES, 2 * math.ceil(longest / 60) + SPARE_MINUTES)
        self.heartbeat = worker.heartbeat and queue.visibility_timeout > 0
        self.end = min(worker.job_timeout or math.inf, LONGEST_JOB - STOP_BEFORE if self.heartbeat else math.inf)
        self.at_once = 1 if queue.fifo else MOST_MESSAGES
        self.extend_every = queue.visibility_timeout / 3 if self.heartbeat else math.inf
        #: Jobs that run, over all tasks, and for how many seconds jobs have run up to the last change of that.
        self.busy = 0
        self._worked, self._worked_until = 0.0, self.clock.now

    def change_busy(self, change: int) -> None:
        """A job begins or ends."""
        self._worked, self._worked_until = self.worked, self.clock.now
        self.busy += change

    @property
    def worked(self) -> float:
        """Seconds of all jobs until now."""
        return self._worked + self.busy * (self.clock.now - self._worked_until)


class Worker:
    """One task's worker; `jobs` are the messages that it works on, with the delivery that it holds and its start."""

    def __init__(self, task: Task, service: Service, queue: Queue, shared: Shared) -> None:
        self._task, self._service, self._queue, self._shared = task, service, queue, shared
        self._clock, self._record, self._worker = shared.clock, shared.record, shared.setup.worker
        self._jobs: dict[Message, tuple[int, float]] = {}
        self._waiting: list[Message] = []
        self._asking = self._leaving = self._polling = False
        self._polled_at = 0.0

    def started(self) -> None:
        """The first receive."""
        self._receive()

    def deliver(self) -> None:
        """A long poll brings messages."""
        self._stop_polling()
        if self._leaving:  # the poll that was under way when it was told to go: what it brings goes back
            for message in self._get(self._count()):
                self._give_back(message, message.delivery)
            self._clock.at(self._clock.now, self._exit_if_idle)
            return
        self._receive()

    def ends(self) -> None:
        """Count the receives of the long polls so far."""
        self._stop_polling()

    def stopped(self) -> None:
        """SIGTERM: nothing more is begun; what does not end in time is given back, or killed."""
        self._leaving = True
        self._give_back_waiting()
        now, worker = self._clock.now, self._worker
        if self._polling:
            self._clock.at(now + worker.wait - (now - self._polled_at) % worker.wait, self._poll_ended)
        self._clock.at(now + worker.drain, self._cut_off)
        self._exit_if_idle()

    # -- receiving

    def _count(self) -> int:
        free = self._worker.concurrency - len(self._jobs) - len(self._waiting)
        return min(free, self._shared.at_once)

    def _receive(self) -> None:
        """Take what there is for the free slots, or wait for it."""
        while not self._leaving and (count := self._count()) > 0:
            messages = self._get(count)
            for message in messages:
                self._take(message)
            if not messages:
                if not self._polling:
                    self._polling, self._polled_at = True, self._clock.now
                    self._queue.pollers.append(self)
                if not self._jobs and not self._waiting and self._task.protected_until > self._clock.now:
                    self._ask(0)
                return

    def _get(self, count: int) -> list[Message]:
        """Receive; without a heartbeat it is settled now when the messages come back."""
        self._record.sqs += 1
        messages = self._queue.receive(count)
        if not self._shared.heartbeat:
            timeout = self._shared.setup.queue.visibility_timeout
            for message in messages:
                self._clock.at(self._clock.now + timeout, self._queue.reappear, message, message.delivery)
        return messages

    def _take(self, message: Message) -> None:
        self._waiting.append(message)
        self._begin()

    def _stop_polling(self) -> None:
        self._polling = False
        self._record.sqs += int(max(0.0, self._clock.now - max(0.0, self._polled_at)) / self._worker.wait)

    def _poll_ended(self) -> None:
        if self._polling:
            self._queue.pollers.remove(self)
            self._stop_polling()
            self._exit_if_idle()

    # -- protection

    def _begin(self) -> None:
        """Start what waits, once it is protected."""
        if not self._worker.protection:
            self._start_waiting()
        elif not self._asking and self._waiting:
            if self._task.protected_until - self._clock.now >= self._shared.covers:
                self._start_waiting()
            else:
                self._ask(self._shared.protection)

    def _ask(self, seconds: float) -> None:
        if not self._asking:
            self._asking = True
            self._clock.at(self._clock.now + self._shared.world.protect(self._shared.random), self._answered, seconds)

    def _answered(self, seconds: float) -> None:
        self._asking = False
        if self._leaving:
            return  # it has to go anyway
        if not self._service.protect(self._task, seconds):
            self._blocked()
        elif not self._leaving:
            self._begin()

    def _blocked(self) -> None:
        """DEPLOYMENT_BLOCKED: there is no room for a protected task, so it gives back and goes."""
        self._record.blocked += 1
        self._leaving = True
        self._give_back_waiting()
        if self._polling:
            self._queue.pollers.remove(self)
            self._stop_polling()
        self._exit_if_idle()

    # -- working

    def _start_waiting(self) -> None:
        now, shared = self._clock.now, self._shared
        for message in self._waiting:
            self._jobs[message] = (message.delivery, now)
            message.runs += 1
            shared.change_busy(1)
            self._record.changed_at = now
            if not message.started:
                message.started = True
                self._record.waits.append(now - message.sent_at)
                if self._record.waking is not None:
                    self._record.wakes.append(now - self._record.waking)
                    self._record.waking = None
            self._clock.at(now + min(message.seconds, shared.end), self._ended, message, message.delivery)
        self._waiting.clear()

    def _ended(self, message: Message, delivery: int) -> None:
        """The handler returned, failed or was stopped at its time's end."""
        if self._jobs.get(message, (0, 0.0))[0] != delivery:
            return
        self._forget(message)
        if message.seconds > self._shared.end or message.failing:
            self._record.failed += 1
            self._fail(message, delivery)
        else:
            self._done(message, delivery)
        if self._leaving:
            self._exit_if_idle()
        else:
            self._begin()
            self._receive()

    def _done(self, message: Message, delivery: int) -> None:
        """Delete it. An older receipt handle deletes only what nobody else has, and nothing of a FIFO queue."""
        self._record.sqs += 1
        if not message.gone and not message.done:
            message.done = True
            self._record.done += 1
            self._record.latencies.append(self._clock.now - message.sent_at)
            self._record.last_ended = self._clock.now
        if message.delivery == delivery and (message.hidden or not self._shared.setup.queue.fifo):
            self._queue.delete(message)

    def _fail(self, message: Message, delivery: int) -> None:
        """Try again: after a pause if the worker says so, else when the visibility time-out is over."""
        worker = self._worker
        if worker.gives_back:
            # doubled at each attempt, full jitter (worker/core/lease.py)
            most = min(worker.backoff_cap, worker.backoff_base * 2 ** min(message.delivery - 1, 32))
            self._record.sqs += 1
            pause = round(self._shared.random.uniform(0, most))
            self._clock.at(self._clock.now + pause, self._queue.reappear, message, delivery)
        else:
            self._let_go(message, delivery)

    def _let_go(self, message: Message, delivery: int) -> None:
        """It comes back when the visibility that was last asked for runs out."""
        if self._shared.heartbeat:  # without, that was set when it was received
            every, now = self._shared.extend_every, self._clock.now
            extended = message.received_at + math.floor((now - message.received_at) / every) * every
            end = min(extended + self._shared.setup.queue.visibility_timeout, message.received_at + LONGEST_JOB)
            self._clock.at(max(now, end), self._queue.reappear, message, delivery)

    def _forget(self, message: Message) -> None:
        _, began = self._jobs.pop(message)
        now, every = self._clock.now, self._shared.extend_every
        message.runs -= 1
        self._shared.change_busy(-1)
        self._record.work_seconds += now - began
        self._record.changed_at = now
        if math.isfinite(every):
            self._record.sqs += int((now - message.received_at) / every)

    # -- leaving

    def _give_back(self, message: Message, delivery: int) -> None:
        if self._worker.gives_back:
            self._record.give_backs += 1
            self._record.sqs += 1
            # at once, but not within this moment: whoever receives it next is not this worker
            later = self._clock.now + self._shared.world.call(self._shared.random)
            self._clock.at(later, self._queue.reappear, message, delivery)
        else:
            self._let_go(message, delivery)

    def _give_back_waiting(self) -> None:
        for message in self._waiting:
            self._give_back(message, message.delivery)
        self._waiting.clear()

    def _cut_off(self) -> None:
        for message, (delivery, _) in list(self._jobs.items()):
            self._record.killed += 1
            self._forget(message)
            if message.delivery == delivery and message.hidden:
                self._give_back(message, delivery)
        self._exit_if_idle()

    def _exit_if_idle(self) -> None:
        if self._leaving and not self._jobs and not self._polling:
            self._service.leaves(self._task)
            self._service.gone(self._task)
