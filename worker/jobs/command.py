"""Jobs that a program of any language runs: the body on its standard input, the rest in its environment."""

import ctypes
import errno
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
from base64 import b64encode
from collections.abc import Sequence
from pathlib import Path

from worker.job import Job, Reject, Retry, UnableError
from worker.jobs import result

#: What a shell and `env` exit with when they cannot execute a program (POSIX, "Exit status for commands").
CANNOT_EXECUTE = frozenset({126, 127})
#: ptrace(2): the parent traces this process, which then stops before the first instruction of a new program.
PTRACE_TRACEME = 0


class CommandError(Exception):
    """The program has failed; the text is one sentence without a traceback."""


class Command:
    """A handler that runs the program once per job.

    Exit code 0: done. 75 (EX_TEMPFAIL): try again later. 126 and 127: the program cannot be executed, so the job has
    not been tried. Any other, or death by a signal: failed. The program prints to the worker's own output.
    """

    def __init__(self, argv: Sequence[str]) -> None:
        self._argv = list(argv)
        if problem := _problem(self._argv):
            raise UnableError(problem)

    def __call__(self, job: Job) -> result.Value:
        """Run the program; its result. Raises CommandError, UnableError, Retry or Reject unless it exits with 0."""
        answer = str(Path(tempfile.gettempdir(), "result.json"))
        variables = os.environ | environment(job) | {result.VARIABLE: answer}
        # The input is a file and not a pipe: a program that does not read it, or passes it on, blocks nothing.
        with tempfile.TemporaryFile() as body:
            try:
                body.write(job.body.encode())
                body.seek(0)
            except OSError as error:
                raise UnableError(f"the body cannot be written to a file: {error}") from error
            # On SIGTERM the program decides: this process stays until it can report the program's exit code.
            before = signal.signal(signal.SIGTERM, lambda *_: None)
            try:
                code = subprocess.run(self._argv, stdin=body, env=variables, check=False).returncode
            except OSError as error:
                if error.errno == errno.E2BIG:
                    raise Reject("its attributes are longer than a program's environment may be") from error
                raise UnableError(f"the command cannot run: {error}") from error
            finally:
                signal.signal(signal.SIGTERM, before)
        if code == os.EX_TEMPFAIL:
            raise Retry(f"the command exited with {code}")
        if code in CANNOT_EXECUTE:
            raise UnableError(f"the command exited with {code}: a program in it does not exist or cannot be executed")
        if code < 0:
            raise CommandError(f"the command was killed by signal {-code} ({signal.strsignal(-code)})")
        if code:
            raise CommandError(f"the command exited with {code}")
        return result.of_file(answer)


def _problem(argv: list[str]) -> str | None:
    """Why the program cannot be executed, as far as that is known without running it."""
    name = argv[0]
    path = shutil.which(name)
    if not path:
        return f"the program {name!r} of EBB_COMMAND does not exist or is not executable"
    try:
        _try_to_execute(argv)
    except OSError as error:
        return f"the program {name!r} of EBB_COMMAND cannot be executed: {error.strerror}{_reason(path, error)}"
    for words in (argv, _interpreter(path)):
        if (wanted := _program_of_env(words)) and not shutil.which(wanted):
            return f"the program {wanted!r} that {name!r} of EBB_COMMAND needs does not exist or is not executable"
    return None


def _try_to_execute(argv: list[str]) -> None:
    """Have the kernel load the program, and end it before its first instruction. Raises OSError."""
    if sys.platform != "linux":
        return
    ptrace = ctypes.CDLL(None).ptrace

    def stop_at_start() -> None:
        if ptrace(PTRACE_TRACEME, 0, None, None):
            os._exit(0)  # it is not allowed here: nothing is known, and nothing must run

    # this process has no thread yet, so it may run Python code after the fork
    null = subprocess.DEVNULL
    process = subprocess.Popen(argv, stdin=null, stdout=null, stderr=null, preexec_fn=stop_at_start)  # noqa: PLW1509
    os.kill(process.pid, signal.SIGKILL)  # not process.kill(): for subprocess a stopped process has ended
    while os.WIFSTOPPED(os.waitpid(process.pid, 0)[1]):  # reported before it dies
        pass
    process.returncode = 0


def _reason(path: str, error: OSError) -> str:
    words = _interpreter(path)
    if error.errno == errno.ENOENT and words:
        return f"; its first line names {words[0]!r}"
    if error.errno == errno.ENOENT:
        return "; its ELF interpreter (the loader of its C library) is missing"
    if error.errno == errno.ENOEXEC:
        return "; it is for another architecture, or a script without #! in its first line"
    return ""


def _interpreter(path: str) -> list[str]:
    """The words of a script's first line after #!."""
    try:
        with Path(path).open("rb") as file:
            line = file.readline(256)
    except OSError:
        return []
    words = line[2:].decode(errors="replace").rstrip("\n").split(" ") if line.startswith(b"#!") else []
    return [word for word in words if word]


def _program_of_env(words: list[str]) -> str | None:
    """The program that `env` is to run, if these words run `env`."""
    if not words or Path(words[0]).name != "env":
        return None
    rest = words[1:]
    while rest:
        word = rest.pop(0)
        if word == "-S" and rest:  # in a command the next word is a whole line, in a script's first line it is split
            rest[:1] = _split(rest[0])
        elif word.startswith("PATH=") or "$" in word or (word.startswith("-") and word not in {"-i", "-", "--"}):
            return None  # env would look elsewhere, or has an option that is not known here
        elif "=" not in word and not word.startswith("-"):
            return word
    return None


def _split(line: str) -> list[str]:
    try:
        return shlex.split(line)
    except ValueError:
        return []


def environment(job: Job) -> dict[str, str]:
    """The job as environment variables; binary attributes in base64. The child's environment has the trace already."""
    attributes = {
        name: value if isinstance(value, str) else b64encode(value).decode() for name, value in job.attributes.items()
    }
    return {
        **{f"EBB_ATTRIBUTE_{re.sub('[^A-Z0-9]', '_', name.upper())}": value for name, value in attributes.items()},
        "EBB_JOB_ID": job.id,
        "EBB_JOB_MESSAGE_ID": job.message_id,
        "EBB_JOB_ATTEMPT": str(job.attempt),
        "EBB_JOB_GROUP": job.group or "",
        "EBB_JOB_DEADLINE": str(int(job.deadline)),  # whole seconds of Unix time, for shells
        "EBB_JOB_ATTRIBUTES": json.dumps(attributes),
    }
