import json
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from tests.helpers.waiting import LIMIT, alive
from tests.worker.conftest import Open
from tests.worker.place import DONE, FOREVER, Place
from worker import logs
from worker.core.events import Ended, Ready
from worker.job import Job, Result, Verdict
from worker.jobs.command import Command, _program_of_env


@pytest.fixture
def run_program(open_place: Open) -> Open:
    def run_program(*argv: str, grace: float = 2) -> Place:
        return open_place(grace=grace, EBB_COMMAND=json.dumps(argv))

    return run_program


@pytest.fixture
def shell(run_program: Open) -> Callable[..., Place]:
    def shell(script: str, grace: float = 2) -> Place:
        place = run_program("sh", "-c", script, grace=grace)
        assert place.ready().error is None
        return place

    return shell


def failed(reason: str) -> Result:
    return Result(verdict=Verdict.FAILED, reason=reason)


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("exit 0", DONE),
        ("exit 75", Result(verdict=Verdict.RETRY, reason="the command exited with 75")),
        ("exit 1", failed("the command exited with 1")),
        ("exit 255", failed("the command exited with 255")),
        ("kill -9 $$", failed("the command was killed by signal 9 (Killed)")),
        ("kill -SEGV $$", failed("the command was killed by signal 11 (Segmentation fault)")),
    ],
)
def test_the_exit_code_is_the_verdict_and_the_child_goes_on(
    shell: Callable[..., Place], script: str, expected: Result
) -> None:
    place = shell(script)
    assert [place.do(), place.do()] == [expected, expected]


def test_the_body_is_on_standard_input_to_the_last_byte(shell: Callable[..., Place]) -> None:
    place = shell('cat > "$NOTES/body"')
    for body in ("grüße\n", "x" * 1_048_576):
        assert place.do(body) == DONE
        assert (place.folder / "body").read_bytes() == body.encode()


@pytest.mark.parametrize("script", ["exit 0", "exec 0<&-", "head -c 1 >/dev/null", "sleep 600 & exit 0"])
def test_input_left_unread_is_no_error_and_holds_nothing_up(shell: Callable[..., Place], script: str) -> None:
    assert shell(script).do("x" * 1_048_576) == DONE


def test_the_job_is_in_the_environment(run_program: Open, tmp_path: Path) -> None:
    (tmp_path / "dump.py").write_text(
        dedent("""
        import json, os
        job = ("EBB_JOB_ID", "EBB_JOB_A", "EBB_JOB_G", "EBB_JOB_D", "EBB_ATTRIBUTE", "_X")
        seen = {name: value for name, value in os.environ.items() if name.startswith(job)}
        with open(os.environ["NOTES"] + "/environment", "w") as notes: json.dump(seen, notes)
        """)
    )
    place = run_program(sys.executable, str(tmp_path / "dump.py"))
    assert place.ready().error is None
    attributes = {"colour": "grün", "film.title-de": "=a b\n", "key": b"\x00\xff", "UPPER_9": "9", "9": "nine"}
    fields: dict[str, Any] = {
        "id": "id-7",
        "attempt": 3,
        "group": "customer-7",
        "deadline": 1_800_000_000.9,
        "trace": "Root=1",
    }
    assert place.do(attributes=attributes, **fields) == DONE
    seen = json.loads((tmp_path / "environment").read_text())
    assert json.loads(seen.pop("EBB_JOB_ATTRIBUTES")) == attributes | {"key": "AP8="}
    assert seen == {
        "EBB_JOB_ID": "id-7",
        "EBB_JOB_ATTEMPT": "3",
        "EBB_JOB_GROUP": "customer-7",
        "EBB_JOB_DEADLINE": "1800000000",
        "EBB_ATTRIBUTE_COLOUR": "grün",
        "EBB_ATTRIBUTE_FILM_TITLE_DE": "=a b\n",
        "EBB_ATTRIBUTE_KEY": "AP8=",
        "EBB_ATTRIBUTE_UPPER_9": "9",
        "EBB_ATTRIBUTE_9": "nine",
        "_X_AMZN_TRACE_ID": "Root=1",
    }
    assert place.do() == DONE  # nothing of one job is left for the next
    assert json.loads((tmp_path / "environment").read_text()) == {
        "EBB_JOB_ID": "id-1",
        "EBB_JOB_ATTEMPT": "1",
        "EBB_JOB_GROUP": "",
        "EBB_JOB_DEADLINE": "0",
        "EBB_JOB_ATTRIBUTES": "{}",
    }


def test_attributes_that_no_environment_holds_reject_the_job(shell: Callable[..., Place]) -> None:
    place = shell("exit 0")
    assert place.do(attributes={"long": "x" * 500_000}) == Result(
        verdict=Verdict.REJECT, reason="its attributes are longer than a program's environment may be"
    )


def test_a_program_that_cannot_run_is_reported_before_any_job(run_program: Open, tmp_path: Path) -> None:
    (tmp_path / "plain").write_text("no program")
    for program in ("no-such-program", "/no/such/program", str(tmp_path / "plain")):
        place = run_program(program)
        error = f"the program {program!r} of EBB_COMMAND does not exist or is not executable"
        assert place.ready() == Ready(0, error)
        place.slots.close()


def _executable(path: Path, content: bytes) -> str:
    path.write_bytes(content)
    path.chmod(0o755)
    return str(path)


def _foreign() -> bytes:
    """A program for another kind of processor."""
    program = bytearray(Path("/bin/sh").resolve().read_bytes())
    program[18:20] = (0).to_bytes(2, sys.byteorder)  # e_machine: EM_NONE (elf(5))
    return bytes(program)


def _without_loader() -> bytes:
    """A program whose C library is not here, as one of another distribution."""
    program = Path("/bin/sh").resolve().read_bytes()
    loader = next(word for word in program.split(b"\0") if word.startswith(b"/lib") and b"/ld-" in word)
    return program.replace(loader, b"/no" + loader[3:])


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (lambda: b"echo a script", "it is for another architecture, or a script without #! in its first line"),
        (_foreign, "it is for another architecture, or a script without #! in its first line"),
        (lambda: b"#!/no/ruby\n", "its first line names '/no/ruby'"),
        (lambda: b"#!/bin/sh\r\necho\r\n", "its first line names '/bin/sh\\r'"),
        (_without_loader, "its ELF interpreter (the loader of its C library) is missing"),
        (lambda: b"#!/usr/bin/env no-ruby\n", "that '{}' of EBB_COMMAND needs does not exist or is not executable"),
    ],
)
def test_a_program_that_cannot_be_executed_is_reported_before_any_job(
    run_program: Open, tmp_path: Path, content: Callable[[], bytes], reason: str
) -> None:
    program = _executable(tmp_path / "program", content())
    assert (run_program(program).ready().error or "").endswith(reason.format(program))


def test_a_program_is_not_run_to_find_out_whether_it_can_be(run_program: Open, tmp_path: Path) -> None:
    program = _executable(tmp_path / "program", b'#!/bin/sh\ntouch "$NOTES/ran"\n')
    assert run_program(program).ready() == Ready(0)
    assert not (tmp_path / "ran").exists()


def test_a_program_that_env_cannot_find_is_reported_before_any_job(run_program: Open) -> None:
    assert (run_program("env", "A=b", "no-ruby", "x").ready().error or "").startswith("the program 'no-ruby' that")


@pytest.mark.parametrize(
    ("words", "program"),
    [
        (["env", "-S", "no-ruby -c pass"], "no-ruby"),
        (["/usr/bin/env", "-S", "A=b no-ruby"], "no-ruby"),
        (["env", "-i", "-S", "'no ruby' x", "y"], "no ruby"),
        (["env", "-S", "no-ruby", "-c"], "no-ruby"),  # as in a script's first line
        (["env", "A=b", "--", "no-ruby"], "no-ruby"),
        (["env", "-S", "PATH=/app no-ruby"], None),
        (["env", "-S", "${RUBY} x"], None),
        (["env", "-S", "'open"], None),
        (["env", "--split-string=no-ruby x", "y"], None),
        (["env", "-Sno-ruby x", "y"], None),
        (["env", "-u", "A", "no-ruby"], None),
        (["env", "-S"], None),
        (["sh", "-c", "no-ruby"], None),
    ],
)
def test_the_program_of_env_is_known_or_not_looked_for(words: list[str], program: str | None) -> None:
    assert _program_of_env(words) == program


def test_a_line_that_env_splits_runs(run_program: Open) -> None:
    place = run_program("env", "-S", "sh -c 'exit 0'")
    assert place.ready().error is None
    assert place.do() == DONE


def test_a_program_that_cannot_be_executed_any_more_is_no_attempt_and_its_child_goes(
    run_program: Open, tmp_path: Path
) -> None:
    program = Path(_executable(tmp_path / "program", b"#!/bin/sh\n"))
    place = run_program(str(program))
    assert place.ready().error is None
    program.unlink()
    place.start()
    ended = place.ended()
    reason = f"the command cannot run: [Errno 2] No such file or directory: '{program}'"
    assert (ended.alive, ended.result.verdict, ended.result.reason) == (False, Verdict.UNABLE, reason)
    assert place.ready().error == f"the program '{program}' of EBB_COMMAND does not exist or is not executable"


@pytest.mark.parametrize("script", ["no-such-program", "exec no-such-program", "env no-such-program", "/dev/null"])
def test_what_a_shell_cannot_execute_is_no_attempt(shell: Callable[..., Place], script: str) -> None:
    place = shell(script)
    place.start()
    ended = place.ended()
    assert (ended.alive, ended.result.verdict) == (False, Verdict.UNABLE)
    assert "a program in it does not exist or cannot be executed" in (ended.result.reason or "")


def test_what_it_prints_goes_where_the_workers_lines_go(
    shell: Callable[..., Place], capfd: pytest.CaptureFixture[str]
) -> None:
    assert shell("echo out; echo err >&2; printf open").do() == DONE
    logs.OUTPUT.flush(LIMIT)
    assert capfd.readouterr().out == "out\nerr\nopen\n"


def test_a_killed_command_may_clean_up_but_its_exit_code_does_not_count(shell: Callable[..., Place]) -> None:
    place = shell(
        'trap "echo cleaned > $NOTES/cleaned; exit 75" TERM; echo $$ > $NOTES/pid; while :; do sleep 0.05; done',
        grace=FOREVER,
    )
    place.start()
    pid = int(place.note("pid"))
    place.kill()
    assert place.ended() == Ended(0, failed("the handler's process was stopped"), alive=False)
    assert place.note("cleaned") == "cleaned\n"
    assert not alive(pid)


def test_a_killed_command_and_what_it_started_are_gone(shell: Callable[..., Place]) -> None:
    place = shell('trap "" TERM; sh -c "trap \\"\\" TERM; sleep 60" & echo $! $$ > $NOTES/pids; wait', grace=0.3)
    place.start()
    pids = [int(pid) for pid in place.note("pids").split()]
    place.kill()
    assert place.ended() == Ended(0, failed("the handler's process was stopped"), alive=False)
    assert not any(alive(pid) for pid in pids)
    assert place.ready().error is None


def test_a_child_without_a_job_goes_at_the_first_word(shell: Callable[..., Place]) -> None:
    place = shell("exit 0", grace=FOREVER)
    assert place.do() == DONE
    place.close()


def test_a_run_leaves_the_handler_of_sigterm_as_it_was() -> None:
    before = signal.getsignal(signal.SIGTERM)
    Command(["true"])(Job(id="1", body="x"))
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_command_does_not_get_the_workers_connection(shell: Callable[..., Place]) -> None:
    place = shell('ls -l /proc/self/fd > "$NOTES/files"')
    assert place.do() == DONE
    assert "socket:" not in place.note("files")
