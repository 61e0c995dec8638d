"""One job's whole story, in sentences: from the job table, the log, scaling activities and alarms' histories."""

import json
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from components.aws_clients import Clients
from ebb.ops import history, logs
from ebb.ops.dead_letters import Choice, DeadLetter, DeadLetters
from ebb.ops.jobs import Job, job
from ebb.ops.refusals import refusals
from ebb.ops.scaling import Service, described
from ebb.ops.stack import OpsError, Stack
from ebb.ops.times import clock_time, span
from ebb.sandbox.log_follower import ENDINGS, STARTED, TaskLine, line_of
from ebb.sandbox.readable import WORDS

#: Days of the log that are searched for a job that no table has.
LOG_DAYS = 14
DAY = 24 * 3600  # seconds
#: Characters of a result that are shown.
RESULT_CHARACTERS = 200
#: Seconds of a wait that is no wait: a receive and a start of the handler.
AT_ONCE = 1.0
#: Characters of a task's id.
_TASK = 8


@dataclass(frozen=True, kw_only=True)
class Step:
    """What happened at a Unix time, where it is recorded (table, log, scaling, alarm, queue), and as a sentence."""

    time: float
    source: str
    sentence: str


@dataclass(frozen=True)
class _Line:
    """A line about the job, and the stream that has it."""

    line: TaskLine
    stream: str

    @property
    def record(self) -> dict[str, Any]:
        return self.line.record or {}

    @property
    def event(self) -> str:
        return str(self.record.get("event", ""))


def story(stack: Stack, job_id: str, client: Clients | None = None) -> list[Step]:
    """What happened to the job with this id, or with this id of a message, in order. Raises OpsError."""
    logs.check_id(job_id)
    now = time.time()
    with refusals():
        client = client or stack.clients()
    item = job(stack, job_id, client) if stack.table_name else None
    since = (item.created if item else now - LOG_DAYS * DAY) - 1
    lines = [
        _Line(line_of(event), event["logStreamName"])
        for event in logs.events(stack, client, int(since * 1000), None, job_id)
    ]
    named = next((line.record["job_id"] for line in lines if "job_id" in line.record), None)
    if stack.table_name and item is None and named:  # the id was the message's
        item = job(stack, named, client)
    hidden: list[Step] = []

    def part(what: str, read: Callable[[], Iterable[Step]]) -> list[Step]:
        """Steps that the caller may not be allowed to read: the others are shown then."""
        try:
            return list(read())
        except OpsError as error:
            hidden.append(Step(time=now, source="ebb", sentence=f"{what} cannot be read. {error}"))
            return []

    letter = _letter(stack, job_id, client) if item is None or item.state in ("failed", "rejected") else None
    if item is None and not lines and letter is None:
        table = "its job table, " if stack.table_name else ""
        raise OpsError(
            f"Stack {stack.name} knows no job {job_id}: it is not in {table}the log of the last {LOG_DAYS} days or the "
            "dead-letter queue. A job that waits in the queue is known to a job table only."
        )
    steps = [*_sent(item, letter), *part("The scaling", lambda: _of_scaling(stack, client, item, lines, now))]
    steps += _of_log(lines)
    if ended := list(_ended(item, steps)):
        steps += [*ended, *part("The service", lambda: _event(stack, client, lines, ended[-1].time))]
    steps += _of_queue(letter, now)
    if item and not item.final:
        steps += part("The service", lambda: _now(stack, client, item, now))
    return sorted([*steps, *hidden], key=lambda step: step.time)


def _sent(item: Job | None, letter: DeadLetter | None) -> Iterator[Step]:
    """When the job was sent, and how."""
    if item is None:
        if letter:
            yield Step(time=letter.sent, source="queue", sentence="It was sent.")
        return
    about = [
        f"with the reference {item.reference}" if item.reference else "",
        f"in the group {item.group}" if item.group else "",
        f"to start at {clock_time(item.at)}" if item.at else "",
    ]
    yield Step(time=item.created, source="table", sentence=f"{' '.join(['It was sent', *filter(None, about)])}.")
    if item.cancel:
        yield Step(time=item.cancel, source="table", sentence="Its cancellation was requested.")


def _ended(item: Job | None, steps: list[Step]) -> Iterator[Step]:
    """What became of the job, by the table, whose times are whole seconds: after all that happened in that second."""
    if item and item.finished and item.final:
        moment = max([item.finished, *(step.time for step in steps if step.time < item.finished + 1)])
        what = f": {item.error}" if item.error else ""
        if item.result is not None:
            what = f", with the result {json.dumps(item.result)[:RESULT_CHARACTERS]}"
        after = span(item.finished - item.created)
        yield Step(time=moment, source="table", sentence=f"It {_was(item.state)}, {after} after it was sent{what}.")


def _event(stack: Stack, client: Clients, lines: list[_Line], moment: float) -> Iterator[Step]:
    """The event of the job's end, if the service's tasks send events and the log does not say that it was left out."""
    service = described(stack, client)
    with refusals():
        definition = client("ecs").describe_task_definition(taskDefinition=service["taskDefinition"])
    deployed = definition["taskDefinition"]
    variables = {each["name"]: each["value"] for each in deployed["containerDefinitions"][0].get("environment", [])}
    left_out = any(each.event == "left_out" and each.record.get("step") == "notify" for each in lines)
    if variables.get("EBB_EVENTS") == "on" and not left_out:
        yield Step(time=moment, source="event", sentence="An event of its end was sent to EventBridge.")


def _was(state: str) -> str:
    return state if state in ("succeeded", "failed") else f"was {state}"


def _of_log(lines: list[_Line]) -> Iterator[Step]:
    """The attempts, and what the worker reported about them."""
    ended: float | None = None
    for each in lines:
        record, moment = each.record, each.line.time
        if each.event == STARTED:
            pause = f", {span(moment - ended)} after the one before" if ended else ""
            sentence = f"Task {each.line.task[:_TASK]} claimed it and started attempt {record['attempt']}{pause}."
        elif each.event in ENDINGS:
            ended = moment
            took = f" after {record['duration']:g} s" if "duration" in record else ""
            why = record.get("error") or record.get("reason")
            sentence = f"Attempt {record['attempt']} was {ENDINGS[each.event]}{took}{f': {why}' if why else ''}."
            sentence = sentence.replace(" was failed", " failed").replace(" was asked", " asked")
        elif each.event and record.get("level") not in ("INFO", "DEBUG"):
            why = record.get("error") or record.get("reason")
            words = WORDS.get(each.event, each.event.replace("_", " "))
            sentence = f"Task {each.line.task[:_TASK]} {words}{f': {why}' if why else ''}."
        else:
            continue
        yield Step(time=moment, source="log", sentence=sentence)


def _of_scaling(stack: Stack, client: Clients, item: Job | None, lines: list[_Line], now: float) -> Iterator[Step]:
    """Why the job waited: which alarms and activities started a task for it. And what operators' alarms said."""
    first = next((each for each in lines if each.event == STARTED), None)
    sent = item.created if item else first.line.time - first.record.get("waited", 0) if first else None
    if sent is None:
        return
    due = max(sent, item.at) if item and item.at else sent
    start = first.line.time if first else now
    end = item.finished + 1 if item and item.finished else lines[-1].line.time if lines else now
    for change in history.alarm_changes(client, history.scaling_alarms(stack, client), due, start):
        if change.state == "ALARM":
            yield Step(time=change.time, source="alarm", sentence=f"Alarm {change.alarm} was in ALARM: {change.reason}")
    for activity in history.activities(stack, client, due):
        if activity.time <= start:
            said = f"{activity.description.rstrip('.')}, because {activity.cause}."
            yield Step(time=activity.time, source="scaling", sentence=said)
    roles = {name: role for role, name in stack.alarm_names.items()}
    for change in history.alarm_changes(client, roles, sent, end):
        said = f"Alarm {roles[change.alarm]} went from {change.before} to {change.state}: {change.reason}"
        yield Step(time=change.time, source="alarm", sentence=said)
    if first and start - due > AT_ONCE:
        began = logs.worker_started(stack, client, first.stream)
        wait = span(start - due)
        if began and began > due:
            task = first.line.task[:_TASK]
            said = f"Task {task} was ready to receive. Until then the job had waited for a task: {wait}."
            yield Step(time=began, source="log", sentence=said)
        else:
            said = f"It had waited {wait}, while tasks were running: they were busy with other jobs."
            yield Step(time=start, source="log", sentence=said)


def _letter(stack: Stack, job_id: str, client: Clients) -> DeadLetter | None:
    """The job's message in the dead-letter queue."""
    if stack.dead_letter_queue_url is None:
        return None
    return next(iter(DeadLetters(stack, client).look(Choice(ids=(job_id,)))), None)


def _of_queue(letter: DeadLetter | None, now: float) -> Iterator[Step]:
    if letter:
        reason = f": {letter.error}" if letter.error else ""
        sentence = f"Its message {letter.message_id} is in the dead-letter queue{reason}."
        yield Step(time=now, source="queue", sentence=sentence)


def _now(stack: Stack, client: Clients, item: Job, now: float) -> Iterator[Step]:
    """What a job that has not ended is waiting for."""
    state = Service(stack, client).state()
    if item.state in ("queued", "scheduled"):
        if item.at and item.at > now:
            sentence = f"It is {item.state}, and starts in {span(item.at - now)}."
        elif state.paused:
            sentence = f"It is queued, and the stack is paused: `ebb resume --stack {stack.name}` ends that."
        else:
            sentence = f"It is queued. Tasks: {state.running} running of {state.desired} desired."
    elif item.state == "stalled":
        sentence = "Its worker's claim has ended without a result: SQS delivers the message again."
    else:
        share = f", {item.progress:.0%} done" if item.progress is not None else ""
        note = f": {item.note}" if item.note else ""
        sentence = f"It is running{share}{note}."
    yield Step(time=now, source="table", sentence=sentence)
