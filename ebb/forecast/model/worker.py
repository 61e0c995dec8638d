"""The worker in a task: asks for protection, receives, works, extends, deletes, and returns jobs when it must stop."""

import math

from ebb.forecast.model.backlog import Message
from ebb.forecast.model.queue import SimulatedQueue, sqs_requests
from ebb.forecast.model.service import Life, SimulatedService, SimulatedTask
from ebb.forecast.model.shared import Shared
from settings.limits import MAX_VISIBILITY_SECONDS


class SimulatedWorker:
    """One task's worker. `_jobs`: the messages that it works on, each with its delivery and its start."""

    def __init__(self, task: SimulatedTask, service: SimulatedService, queue: SimulatedQueue, shared: Shared) -> None:
        self._task, self._service, self._queue, self._shared = task, service, queue, shared
        self._clock, self._record, self._setup = shared.clock, shared.record, shared.scenario.worker
        self._jobs: dict[Message, tuple[int, float]] = {}
        #: Received messages whose jobs start when the task is protected.
        self._waiting: list[Message] = []
        self._protection = shared.protection()
        self._stopping = self._polling = False
        self._polled_at = 0.0
        self._stopped_at = -math.inf
        #: When `_act` is called next, because protection may change.
        self._wake_at = -math.inf

    def started(self) -> None:
        """Start to receive, unless the task crashes before."""
        crash, now = self._shared.crash, self._clock.now
        if crash is None or crash.after is not None:
            self._act()
        if crash is not None:
            lives = self._shared.assumptions.crash(self._shared.random) if crash.after is None else crash.after
            self._clock.at(now + lives, self._crash)

    def deliver(self) -> None:
        """A long poll returns messages."""
        self._end_poll()
        if self._stopping:  # the poll was in progress at SIGTERM: its messages go back
            for message in self._get(self._free()):
                self._give_back(message, message.delivery)
            self._clock.at(self._clock.now, self._exit_if_idle)
            return
        self._act()

    def end(self) -> None:
        """The simulation ends: count the receives of the long poll."""
        self._end_poll()

    def stopped(self) -> None:
        """SIGTERM: start no job; return the jobs that do not end in time."""
        now, setup = self._clock.now, self._setup
        self._stopping, self._stopped_at = True, now
        self._give_back_waiting()
        if self._polling:
            self._clock.at(now + setup.wait - (now - self._polled_at) % setup.wait, self._last_poll_ends)
        self._clock.at(now + setup.drain, self._kill)
        self._exit_if_idle()

    # -- receiving

    def _act(self) -> None:
        """Do all that can be done now."""
        while not self._stopping:
            self._ask()
            if self._protection.blocked:
                self._give_back_waiting()
            if self._protection.covers(self._clock.now):
                self._start()
            if not self._receive():
                break
        if not self._stopping:
            self._wake()

    @property
    def _active(self) -> bool:
        return bool(self._jobs or self._waiting)

    def _wake(self) -> None:
        now = self._clock.now
        at = min([time for time in self._protection.times() if time > now], default=math.inf)
        if at < math.inf and not now < self._wake_at <= at:
            self._wake_at = at
            self._clock.at(at, self._act)

    def _free(self) -> int:
        free = self._setup.concurrency - len(self._jobs) - len(self._waiting)
        return min(free, self._shared.max_messages)

    def _receive(self) -> bool:
        """Whether messages came for the free slots. If none did, wait for them in a long poll."""
        if not self._protection.may_receive(self._clock.now, active=self._active):
            self._stop_polling()
            return False
        count = self._free()
        if count <= 0 or self._polling:
            return False
        messages = self._get(count)
        self._waiting += messages
        if not messages:
            self._polling, self._polled_at = True, self._clock.now
            self._queue.pollers.append(self)
        return bool(messages)

    def _get(self, count: int) -> list[Message]:
        """Receive. Without a heartbeat the end of each visibility timeout is already known."""
        messages = self._queue.receive(count)
        self._record.received += len(messages)
        self._record.worker_called(units=sqs_requests(len(messages) * self._shared.body))
        if not self._shared.heartbeat:
            timeout = self._shared.scenario.queue.visibility_timeout
            for message in messages:
                self._clock.at(self._clock.now + timeout, self._queue.reappear, message, message.delivery)
        return messages

    def _end_poll(self) -> None:
        """Count the receives since the poll began, one per `wait`."""
        self._polling = False
        self._record.worker_called(int(max(0.0, self._clock.now - max(0.0, self._polled_at)) / self._setup.wait))

    def _stop_polling(self) -> None:
        if self._polling:
            self._queue.pollers.remove(self)
            self._end_poll()

    def _last_poll_ends(self) -> None:
        self._stop_polling()
        self._exit_if_idle()

    # -- protection

    def _ask(self) -> None:
        now = self._clock.now
        seconds = self._protection.request(now, active=self._active)
        if seconds is not None:
            answered_at = now + self._shared.assumptions.protect(self._shared.random)
            self._clock.at(answered_at, self._answered, seconds, now)

    def _answered(self, seconds: float, asked_at: float) -> None:
        if self._stopping:
            return
        granted = self._service.protect(self._task, seconds)  # an end of protection may stop the task at once
        self._record.blocked += not granted
        self._protection.answered(self._clock.now, seconds, asked_at, granted=granted)
        self._act()

    # -- working

    def _start(self) -> None:
        """Start the jobs of all waiting messages."""
        now, shared = self._clock.now, self._shared
        for message in self._waiting:
            self._jobs[message] = (message.delivery, now)
            message.runs += 1
            self._record.job_started()
            shared.change_busy(1)
            self._record.changed_at = now
            if not message.started:
                message.started = True
                self._record.waits.add(now - message.sent_at)
                if self._record.waking_since is not None:
                    self._record.wakes.append(now - self._record.waking_since)
                    self._record.waking_since = None
            self._clock.at(now + min(message.seconds, shared.max_job), self._ended, message, message.delivery)
        self._waiting.clear()

    def _ended(self, message: Message, delivery: int) -> None:
        """The handler returned, failed or was stopped at the job's time limit."""
        if self._jobs.get(message, (0, 0.0))[0] != delivery:
            return
        self._remove(message)
        if message.seconds > self._shared.max_job or message.failing:
            self._record.failed += 1
            self._record.metric("JobsRetried", self._clock.now)
            self._fail(message, delivery)
        else:
            self._done(message, delivery)
        if self._stopping:
            self._exit_if_idle()
        elif self._setup.one_job:
            self._stopping = True
            self._service.finish(self._task)
        else:
            self._act()

    def _done(self, message: Message, delivery: int) -> None:
        """Delete the message.

        An older receipt handle deletes a message only if no task has received it again, and never one of a FIFO queue.
        """
        self._record.worker_called()
        self._record.metric("JobsDone", self._clock.now)
        if not message.gone and not message.done:
            message.done = True
            self._record.done += 1
            self._record.latencies.add(self._clock.now - message.sent_at)
            self._record.last_ended = self._clock.now
        if message.delivery == delivery and (message.hidden or not self._shared.scenario.queue.fifo):
            self._queue.delete(message)

    def _fail(self, message: Message, delivery: int) -> None:
        """Return the message after a pause or, without `gives_back`, at the end of its visibility timeout."""
        setup = self._setup
        if setup.gives_back:
            # doubled at each attempt, full jitter (worker/core/backoff.py)
            limit = min(setup.backoff_cap, setup.backoff_base * 2 ** min(message.delivery - 1, 32))
            self._record.worker_called()
            pause = round(self._shared.random.uniform(0, limit))
            self._clock.at(self._clock.now + pause, self._queue.reappear, message, delivery)
        else:
            self._abandon(message, delivery)

    def _abandon(self, message: Message, delivery: int) -> None:
        """Leave the message to the visibility timeout of its last extension."""
        if self._shared.heartbeat:  # otherwise _get has set the end
            every, now = self._shared.extend_every, self._clock.now
            extended = message.received_at + math.floor((now - message.received_at) / every) * every
            timeout = self._shared.scenario.queue.visibility_timeout
            end = min(extended + timeout, message.received_at + MAX_VISIBILITY_SECONDS)
            self._clock.at(max(now, end), self._queue.reappear, message, delivery)

    def _remove(self, message: Message) -> None:
        _, started_at = self._jobs.pop(message)
        now, every = self._clock.now, self._shared.extend_every
        message.runs -= 1
        self._shared.change_busy(-1)
        self._record.work_seconds += now - started_at
        self._record.changed_at = now
        extended = int((now - message.received_at) / every) if math.isfinite(every) else 0
        self._record.worker_called(extended)
        self._record.job_ended(started_at, now, extended)

    # -- stopping

    def _give_back(self, message: Message, delivery: int) -> None:
        if self._setup.gives_back:
            self._record.give_backs += 1
            self._record.worker_called()
            self._record.metric("JobsGivenBack", self._clock.now)
            # not to the last polls of other tasks that stop (worker/core/shutdown.py), nor to this one's
            now, longest = self._clock.now, self._setup.wait + 1
            hidden = longest if now <= self._stopped_at + longest else 0
            called = self._shared.assumptions.call(self._shared.random)
            self._clock.at(now + called + hidden, self._queue.reappear, message, delivery)
        else:
            self._abandon(message, delivery)

    def _give_back_waiting(self) -> None:
        for message in self._waiting:
            self._give_back(message, message.delivery)
        self._waiting.clear()

    def _kill(self) -> None:
        for message, (delivery, _) in list(self._jobs.items()):
            self._record.killed += 1
            self._remove(message)
            if message.delivery == delivery and message.hidden:
                self._give_back(message, delivery)
        self._exit_if_idle()

    def _crash(self) -> None:
        """The task ends at once. Its messages return when their visibility timeouts end."""
        if self._task.life is not Life.RUNNING:
            return
        self._stopping = True
        for message in self._waiting:
            self._abandon(message, message.delivery)
        self._waiting.clear()
        for message, (delivery, _) in list(self._jobs.items()):
            self._record.killed += 1
            self._remove(message)
            self._abandon(message, delivery)
        self._stop_polling()
        self._exit_if_idle()

    def _exit_if_idle(self) -> None:
        if self._stopping and not self._jobs and not self._polling:
            self._service.leave(self._task)
            self._service.end(self._task)
