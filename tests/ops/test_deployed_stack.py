"""The commands on the deployed stack of a sandbox, with jobs that a task really runs."""

import json
import re
import time
from dataclasses import replace
from typing import Any, NamedTuple

import pytest
from botocore.exceptions import ClientError
from typer.testing import CliRunner

from ebb.cli import app
from ebb.ops import jobs as table
from ebb.ops import logs, overview
from ebb.ops.overview import screen
from ebb.ops.stack import OpsError, Stack
from ebb.ops.story import story
from ebb.sandbox.log_follower import ENDINGS
from tests.helpers.waiting import until
from tests.ops import sandbox_process

REFERENCE = "order-17"


def ebb(*arguments: str, stdin: str | None = None) -> tuple[int, list[str], str]:
    """The exit code, the lines of the output, and standard error."""
    done = CliRunner().invoke(app, [*arguments, "--stack", sandbox_process.STACK], input=stdin)
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done.exit_code, done.stdout.splitlines(), done.stderr


class Ended(NamedTuple):
    """Ids of jobs that ended."""

    succeeded: str
    failed: str


_ENDED: list[Ended] = []


def no_tasks(stack: Stack) -> None:
    """Wait until the tasks that other tests' jobs started have ended.

    The service does not count a task that stops. Its last receive may still take a job, which it gives back.
    """
    client = stack.clients()

    def ended() -> bool:
        at_work = set()
        for line in logs.read(stack, client, since=0):
            event = (line.record or {}).get("event")
            if event == "started":
                at_work.add(line.task)
            elif event == "stopped":
                at_work.discard(line.task)
        state = overview.overview(stack, client).state
        return not (at_work or state.desired or state.pending or state.running)

    until(ended, interval=0.5)


def keep_tasks(stack: Stack, keep: bool) -> None:
    """Whether alarms start tasks and remove none."""
    stack.clients()("application-autoscaling").register_scalable_target(
        ServiceNamespace="ecs",
        ResourceId=stack.resource_id,
        ScalableDimension="ecs:service:DesiredCount",
        SuspendedState={"DynamicScalingInSuspended": keep},
    )


def endings(stack: Stack, job: str) -> list[str]:
    """How the attempts of a job ended, by the log. Lines come later than the table's states."""
    records = [line.record for line in logs.read(stack, stack.clients(), since=0, job=job) if line.record]
    return [record["event"] for record in records if record.get("event") in ENDINGS]


@pytest.fixture
def ended(stack: Stack) -> Ended:
    """A job with a result and one that fails at each attempt; sent by the command, once for the module."""
    if not _ENDED:
        no_tasks(stack)
        keep_tasks(stack, True)  # on a busy machine minutes of the sandbox pass while a job starts
        code, (good,), _ = ebb("send", '{"sleep": 0.1, "result": {"frames": 7}}', "--reference", REFERENCE)
        assert code == 0
        code, (bad,), _ = ebb("send", '{"fail_times": 9}', "--key", "fails")
        assert code == 0
        ids = Ended(good, bad)
        until(lambda: all((job := table.job(stack, each)) and job.final for each in ids))
        until(lambda: [endings(stack, each) for each in ids] == [["job_done"], ["job_failed"] * 2])
        keep_tasks(stack, False)
        _ENDED.append(ids)
    return _ENDED[0]


def test_a_command_finds_the_sandbox_by_its_name_and_says_so(stack: Stack) -> None:
    assert stack.sandbox is not None
    code, said, note = ebb("status")
    assert (code, note) == (0, f"Stack sandbox of the sandbox on this machine, process {stack.sandbox.process}.\n")
    assert "Jobs: 0 waiting, 0 in flight, 0 delayed." in said


def test_status_has_the_deployment_and_no_mute_rule(stack: Stack) -> None:
    seen = overview.overview(stack)
    assert [deployment.status for deployment in seen.deployments] == ["SUCCESSFUL"]
    assert (seen.mute_rules, seen.unknown, seen.state.maximum) == ((), (), 4)
    assert seen.dollars is not None
    assert seen.dollars_month is not None
    assert 0 < seen.dollars < seen.dollars_month
    said = ebb("status", "--json")[1]
    assert json.loads("".join(said))["deployments"][0]["status"] == "SUCCESSFUL"


def test_status_says_that_a_stack_is_paused(stack: Stack) -> None:
    said = ebb("pause")[1]
    assert said[0] == ebb("status")[1][0]
    resume = "`ebb resume --stack sandbox`"
    paused = f"Stack sandbox is paused: no task is started or removed. To end the pause: {resume}."
    assert ebb("status")[1][0] == paused
    assert ebb("resume")[1][0] == "Stack sandbox scales from 0 to 4 tasks."


def test_the_key_makes_a_second_send_the_same_job(stack: Stack, ended: Ended) -> None:
    assert ebb("send", '{"fail_times": 9}', "--key", "fails")[:2] == (0, [ended.failed])
    code, said, errors = ebb("send", '{"fail_times": 8}', "--key", "fails")
    assert (code, said) == (1, [])
    assert "422: Idempotency key reused" in errors


def test_a_line_that_is_no_job_is_named_and_the_others_are_sent_once_however_often_they_are_sent(stack: Stack) -> None:
    lines = '{"sleep": 0}\n\nno JSON\n[1]\n{"sleep": 0}\n'
    code, said, errors = ebb("send", "--key", "shift", "--json", stdin=lines)
    sent = [json.loads(line) for line in said]
    assert (code, [each["number"] for each in sent if each["id"]]) == (1, [1, 5])
    assert [line.partition(":")[0] for line in errors.splitlines()[1:3]] == ["Line 3", "Line 4"]
    assert "2 of 4 lines were not sent. Send the same lines again with --key shift" in errors
    again = [json.loads(line) for line in ebb("send", "--key", "shift", "--json", stdin=lines)[1]]
    assert [each["id"] for each in again] == [each["id"] for each in sent]
    assert sent[0]["id"] != sent[3]["id"], "equal lines are two jobs"


def test_through_the_queue_any_text_is_a_job(stack: Stack) -> None:
    code, said, errors = ebb("send", "--through", "queue", stdin="no JSON\n\n{}\n")
    assert (code, len(said)) == (0, 2)
    assert "Sent to the queue: --through queue." in errors


def test_jobs_are_listed_by_state_and_by_reference(stack: Stack, ended: Ended) -> None:
    (job,) = table.jobs(stack, reference=REFERENCE).jobs
    assert (job.id, job.state, job.result) == (ended.succeeded, "succeeded", {"frames": 7})
    assert ended.failed in {each.id for each in table.jobs(stack, state="failed").jobs}
    assert ended.failed not in {each.id for each in table.jobs(stack, state="succeeded").jobs}
    code, said, _ = ebb("jobs", "--reference", REFERENCE)
    assert code == 0
    assert said[0].split() == ["id", "state", "created", "took", "attempt", "reference", "what"]
    assert said[1].split()[:2] == [ended.succeeded, "succeeded"]
    assert ebb("jobs", "--reference", "nobody")[1] == ["There are no such jobs."]
    assert json.loads("".join(ebb("jobs", "--reference", "nobody", "--json")[1])) == {"jobs": [], "cursor": None}


def test_a_watched_list_ends_with_ctrl_c_and_code_0(
    stack: Stack, ended: Ended, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = iter([None])

    def look(_seconds: float) -> None:
        if next(looks, "end") == "end":
            raise KeyboardInterrupt

    monkeypatch.setattr("ebb.ops.cli.jobs.time.sleep", look)
    code, said, _ = ebb("jobs", "--reference", REFERENCE, "--watch")
    assert code == 0
    assert sum(ended.succeeded[:8] in line for line in said) >= 1


def test_a_stack_without_a_job_table_is_told_what_to_set(stack: Stack) -> None:
    with pytest.raises(OpsError, match=r"has no job table.*set `ebb:jobs: \{keep_days: 14\}`"):
        table.jobs(replace(stack, table_name=None))


def sentences(steps: list[Any]) -> list[str]:
    return [re.sub(r"Task \w{8} ", "Task T ", step.sentence) for step in steps]


def test_the_story_of_a_job_says_why_it_waited_and_what_became_of_it(stack: Stack, ended: Ended) -> None:
    told = sentences(story(stack, ended.succeeded))
    assert told[0] == f"It was sent with the reference {REFERENCE}."
    asked = next(
        each for each in told if re.match(r"Setting desired count to \d, because monitor alarm scaling-", each)
    )
    ready = next(each for each in told if each.startswith("Task T was ready to receive. Until then the job had waited"))
    claimed = "Task T claimed it and started attempt 1."
    assert told.index(asked) < told.index(ready) < told.index(claimed)
    # the table's time and the log's are within milliseconds of each other
    done, succeeded = sorted(told[-3:-1])
    assert re.fullmatch(r"Attempt 1 was done after [\d.]+ s\.", done)
    assert re.fullmatch(r'It succeeded, .+ after it was sent, with the result \{"frames": 7\}\.', succeeded)
    assert told[-1] == "An event of its end was sent to EventBridge."


def test_the_story_of_a_failed_job_has_each_attempt_and_its_dead_letter(stack: Stack, ended: Ended) -> None:
    sqs = stack.clients()("sqs")
    letter = {"EbbJobId": {"DataType": "String", "StringValue": ended.failed}}
    sent = sqs.send_message(QueueUrl=stack.dead_letter_queue_url, MessageBody="{}", MessageAttributes=letter)
    told = sentences(story(stack, ended.failed))
    error = "RuntimeError: failing on purpose, as the message asks."
    assert [each.partition(" failed after ")[0] for each in told if each.endswith(error)][:2] == [
        "Attempt 1",
        "Attempt 2",
    ]
    assert any(each.startswith("It failed, ") for each in told)
    assert told[-1] == f"Its message {sent['MessageId']} is in the dead-letter queue: {error}"


def test_a_story_is_found_by_the_message_s_id_and_without_a_table(stack: Stack, ended: Ended) -> None:
    job = table.job(stack, ended.succeeded)
    assert job is not None
    assert job.message_id is not None
    assert sentences(story(stack, job.message_id)) == sentences(story(stack, ended.succeeded))
    told = sentences(story(replace(stack, table_name=None), ended.succeeded))
    assert "Task T claimed it and started attempt 1." in told
    assert told[-1].startswith("Attempt 1 was done after ")


def test_what_may_not_be_read_is_said_and_the_rest_of_the_story_is_shown(stack: Stack, ended: Ended) -> None:
    clients = stack.clients()

    def denied(service: str) -> Any:
        if service in ("application-autoscaling", "ecs"):
            raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "Describe")
        return clients(service)

    told = sentences(story(stack, ended.succeeded, denied))
    assert told[0] == f"It was sent with the reference {REFERENCE}."
    assert any(each.startswith("It succeeded, ") for each in told)
    said = "cannot be read. AWS refused Describe: AccessDenied: no"
    assert told[-2:] == [f"The scaling {said}", f"The service {said}"]


def test_a_job_that_waits_in_a_paused_stack_says_so(stack: Stack) -> None:
    no_tasks(stack)
    assert ebb("pause")[0] == 0
    (waiting,) = ebb("send", '{"sleep": 0}', "--delay", "15m")[1]
    told = [line.split("  ", 1)[1] for line in ebb("why", waiting)[1]]
    assert told[0] == "It was sent."
    assert told[-1] == "It is queued, and the stack is paused: `ebb resume --stack sandbox` ends that."


def test_an_id_that_nothing_knows_is_one_sentence(stack: Stack) -> None:
    code, said, errors = ebb("why", "0f" * 16)
    assert (code, said) == (1, [])
    assert f"Stack sandbox knows no job {'0f' * 16}: it is not in its job table, the log of the last 14" in errors
    assert "is no id of a job" in ebb("why", 'a" "b')[2]


def test_logs_are_lines_for_people_or_as_the_tasks_wrote_them(stack: Stack, ended: Ended) -> None:
    code, said, _ = ebb("logs", "--job", ended.succeeded)
    assert code == 0
    assert [re.sub(r"^[\d:]{8} |[\d.]+ s$", "", line) for line in said if "Hello" not in line] == [
        f"job {ended.succeeded} started, attempt 1",
        f"job {ended.succeeded} done after ",
    ]
    raw = [json.loads(line) for line in ebb("logs", "--job", ended.succeeded, "--json")[1]]
    assert {line["job_id"] for line in raw} == {ended.succeeded}


def test_a_follower_shows_each_line_once(stack: Stack, ended: Ended, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = list(logs.read(stack, stack.clients(), since=0, job=ended.failed))
    looks = iter([None, None])

    def look(_seconds: float) -> None:
        if next(looks, "end") == "end":
            raise KeyboardInterrupt

    monkeypatch.setattr("ebb.ops.logs.time.sleep", look)
    code, said, _ = ebb("logs", "--job", ended.failed, "--follow", "--json")
    assert (code, said) == (0, [line.text for line in expected])
    assert expected


def in_alarm(seen: overview.Overview, role: str) -> bool:
    return any((alarm.role, alarm.state) == (role, "ALARM") for alarm in seen.alarms)


def test_a_dead_letter_and_its_alarm_are_on_the_screen(stack: Stack) -> None:
    client = stack.clients()
    client("sqs").send_message(QueueUrl=stack.dead_letter_queue_url, MessageBody="{}")
    seen = until(lambda: (one := overview.overview(stack)) and in_alarm(one, "dead-letter") and one)
    assert isinstance(seen, overview.Overview)
    said = list(screen(replace(seen, oldest=4000, mute_rules=("night",)), time.time()))
    assert "Oldest job: in the queue for 1 h 6 min." in said
    assert "Dead letters: 1. To see them: `ebb dlq list --stack sandbox`." in said
    (alarm,) = (line for line in said if line.startswith("Alarm dead-letter since "))
    assert "UTC, see docs/runbook.md#dead-letter: Threshold Crossed" in alarm
    assert "The mute rule night names an alarm that scales this stack: while it is active, no task is started." in said
