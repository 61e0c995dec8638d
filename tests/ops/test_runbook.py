"""The procedures of docs/runbook.md on the deployed stack of a sandbox: their commands run as the page has them."""

import re
import shlex

from typer.testing import CliRunner

from ebb.cli import app
from ebb.ops import jobs
from ebb.ops.scaling import Service
from ebb.ops.stack import Stack
from tests.docs.pages import ROOT
from tests.helpers.waiting import until

PAGE = (ROOT / "docs/runbook.md").read_text(encoding="utf-8")
#: What is tried elsewhere: a simulation, a job with a body, and a task that starts.
LEFT_OUT = ("ebb forecast", "ebb send", "ebb check")
#: Seconds between two looks at the alarms: half a minute of the sandbox.
LOOK_SECONDS = 0.5


def procedure(role: str) -> list[str]:
    """The commands of a paragraph, in its order."""
    (text,) = re.findall(rf"^### {role}\n(.*?)(?=^##|\Z)", PAGE, re.MULTILINE | re.DOTALL)
    commands = [" ".join(each.split()) for each in re.findall(r"`(ebb [^`]+)`", text)]
    return [each for each in commands if not each.startswith(LEFT_OUT)]


def run(line: str, job: str) -> str:
    """The output of a command of the page, for this job."""
    words = shlex.split(line.partition(" > ")[0])[1:]
    words = [{"prod": "sandbox", "ID": job}.get(word, word) for word in words]
    agreed = ["--yes"] if {"purge", "redrive"} & set(words) else []
    done = CliRunner().invoke(app, [*words, *agreed])
    assert done.exit_code == 0, (line, done.output)
    return done.stdout


def in_alarm(stack: Stack) -> set[str]:
    found = stack.clients()("cloudwatch").describe_alarms(StateValue="ALARM")["MetricAlarms"]
    names = {alarm["AlarmName"] for alarm in found}
    return {role for role, name in stack.alarm_names.items() if name in names}


def test_failing_jobs_raise_their_alarms_which_end_after_the_procedures_of_the_page(stack: Stack) -> None:
    sent = [run("ebb send --stack prod '{\"fail\": true}'", "").strip() for _ in range(3)]
    found: set[str] = set()

    def seen() -> bool:
        found.update(in_alarm(stack))
        return {"dead-letter", "failures"} <= found

    until(seen, interval=LOOK_SECONDS)
    until(lambda: len(jobs.jobs(stack, state="failed").jobs) >= len(sent))
    said = {line: run(line, sent[0]) for line in procedure("failures")}
    assert "RuntimeError: failing on purpose" in said["ebb logs --stack prod"]
    assert "is paused" in said["ebb pause --stack prod"]
    assert not Service(stack).state().paused, "the procedure ends the pause"
    # as after a deployment that fixes the cause: the jobs of these letters succeed now
    sqs, url = stack.clients()("sqs"), stack.dead_letter_queue_url
    for job in sent:
        assert run(f"ebb dlq purge --stack prod {job}", "") == "Dead letters deleted: 1.\n"
        attributes = {"EbbJobId": {"DataType": "String", "StringValue": job}}
        sqs.send_message(QueueUrl=url, MessageBody="{}", MessageAttributes=attributes)
    *steps, purge = procedure("dead-letter")
    said = {line: run(line, sent[0]) for line in steps}
    assert all(job in said["ebb dlq list --stack prod"] for job in sent)
    assert said["ebb dlq show --stack prod ID"].endswith("\n{}\n")
    assert "Attempt 2 failed" in said["ebb why --stack prod ID"]
    assert said["ebb dlq redrive --stack prod ID"] == "Dead letters redriven: 1.\n"
    assert said["ebb dlq redrive --stack prod --all"] == "Dead letters redriven: 2.\n"
    until(lambda: all((job := jobs.job(stack, each)) and job.state == "succeeded" for each in sent))
    letter = sqs.send_message(QueueUrl=url, MessageBody="{}")
    assert run(purge, letter["MessageId"]) == "Dead letters deleted: 1.\n"
    until(lambda: not {"dead-letter", "failures"} & in_alarm(stack), interval=LOOK_SECONDS)


def test_each_other_command_of_the_page_runs_on_a_stack_in_order(stack: Stack) -> None:
    job = run("ebb send --stack prod '{\"sleep\": 0}'", "").strip()
    until(lambda: (found := jobs.job(stack, job)) and found.final)
    roles = [role for role in re.findall(r"^### (\S+)$", PAGE, re.MULTILINE) if role not in ("dead-letter", "failures")]
    lines = {line for role in roles for line in procedure(role)}
    assert {line.split()[1] for line in lines} >= {"status", "jobs", "why", "logs", "resume", "dlq"}
    for line in sorted(lines):
        run(line, job)
