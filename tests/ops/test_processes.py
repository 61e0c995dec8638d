"""What a shell sees of commands: exit codes, pipes, Ctrl-C, completion."""

import json
import os
import signal
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from ebb.cli import app
from ebb.ops import jobs, logs
from ebb.ops.stack import Stack
from ebb.project import ROOT
from tests.helpers.waiting import LIMIT, until
from tests.ops import sandbox_process

EBB = (sys.executable, "-m", "ebb")


def test_lines_of_a_pipe_are_sent_and_a_follower_of_the_log_ends_with_ctrl_c(stack: Stack) -> None:
    name = ("--stack", sandbox_process.STACK)
    lines = '{"sleep": 0}\nno JSON\n{"sleep": 0}\n'
    words = [*EBB, "send", *name, "--reference", "piped"]
    sent = subprocess.run(words, cwd=ROOT, input=lines, capture_output=True, text=True, timeout=LIMIT, check=False)
    ids = sent.stdout.split()
    assert (sent.returncode, len(ids)) == (1, 2)
    assert "Line 2: this is no JSON" in sent.stderr
    assert "1 of 3 lines were not sent. Send the same lines again with --key " in sent.stderr
    assert sorted(ids) == sorted(job.id for job in jobs.jobs(stack, reference="piped").jobs)
    until(lambda: all(list(logs.read(stack, stack.clients(), since=0, job=each)) for each in ids))
    follower = subprocess.Popen(
        [*EBB, "logs", *name, "--follow", "--json", "--job", ids[0]], cwd=ROOT, text=True, stdout=subprocess.PIPE
    )
    assert follower.stdout is not None
    with follower.stdout:
        assert json.loads(follower.stdout.readline())["job_id"] == ids[0]
        follower.send_signal(signal.SIGINT)
        follower.stdout.read()
    assert follower.wait(LIMIT) == 0


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["send", "--stack", "x", "{}", "--file", "pyproject.toml"], 2, "give either BODY or --file."),
        (["send", "--stack", "x", "{}", "--delay", "1h", "--at", "x"], 2, "give either --delay or --at."),
        (["status"], 2, "Missing option '--stack'"),
        (
            ["status", "--stack", "nowhere"],
            1,
            "No sandbox runs stack nowhere on this machine, and the command `pulumi`",
        ),
    ],
)
def test_wrong_use_is_code_2_and_a_stack_that_is_not_there_code_1(
    words: list[str], code: int, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    done = CliRunner().invoke(app, words, env={"COLUMNS": "200"})
    assert (done.exit_code, said in done.stderr) == (code, True), done.stderr


def test_the_shell_completes_commands_and_the_names_of_stacks(stack: Stack) -> None:
    def completed(typed: str) -> list[str]:
        number = str(len(typed.split()))
        asked = {"_EBB_COMPLETE": "complete_bash", "COMP_WORDS": typed, "COMP_CWORD": number}
        code = "from ebb.cli import app; app(prog_name='ebb')"
        done = subprocess.run(
            [sys.executable, "-c", code],
            cwd=ROOT,
            env={**os.environ, **asked},
            capture_output=True,
            text=True,
            check=False,
        )
        return done.stdout.split()

    assert {"status", "send", "jobs", "why", "logs", "dlq"} <= set(completed("ebb "))
    assert "sandbox" in completed("ebb status --stack ")
