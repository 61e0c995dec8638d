"""Jobs that a program of any language runs: the body on its standard input, the rest in its environment."""

import errno
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
from base64 import b64encode
from collections.abc import Sequence

from worker.job import Job, Reject, Retry


class CommandError(Exception):
    """The program cannot run, or its exit code is a failure; the text is one sentence without a traceback."""


class Command:
    """A handler that runs the program once per job.

    Exit code 0: done. 75 (EX_TEMPFAIL): try again later. Any other, or death by a signal: failed. The program prints
    to the worker's own output. It and its children are in the child's process group, and are stopped with it.
    """

    def __init__(self, argv: Sequence[str]) -> None:
        if not shutil.which(argv[0]):
            raise CommandError(f"the program {argv[0]!r} of EBB_COMMAND does not exist or is not executable")
        self._argv = list(argv)

    def __call__(self, job: Job) -> None:
        """Run the program. Raises CommandError, Retry or Reject unless it exits with 0."""
        # The input is a file and not a pipe: a program that does not read it, or passes it on, blocks nothing.
        with tempfile.TemporaryFile() as body:
            body.write(job.body.encode())
            body.seek(0)
            # On SIGTERM the program decides: this process stays until it can report the program's exit code.
            before = signal.signal(signal.SIGTERM, lambda *_: None)
            try:
                code = subprocess.run(self._argv, stdin=body, env=os.environ | environment(job), check=False).returncode
            except OSError as error:
                if error.errno == errno.E2BIG:
                    raise Reject("its attributes are longer than a program's environment may be") from error
                raise CommandError(f"the command cannot run: {error}") from error
            finally:
                signal.signal(signal.SIGTERM, before)
        if code == os.EX_TEMPFAIL:
            raise Retry(f"the command exited with {code}")
        if code < 0:
            raise CommandError(f"the command was killed by signal {-code} ({signal.strsignal(-code)})")
        if code:
            raise CommandError(f"the command exited with {code}")


def environment(job: Job) -> dict[str, str]:
    """The job as environment variables; binary attributes in base64. The child's environment has the trace already."""
    attributes = {
        name: value if isinstance(value, str) else b64encode(value).decode() for name, value in job.attributes.items()
    }
    return {
        **{f"EBB_ATTRIBUTE_{re.sub('[^A-Z0-9]', '_', name.upper())}": value for name, value in attributes.items()},
        "EBB_JOB_ID": job.id,
        "EBB_JOB_ATTEMPT": str(job.attempt),
        "EBB_JOB_GROUP": job.group or "",
        "EBB_JOB_DEADLINE": str(int(job.deadline)),  # whole seconds of Unix time, for shells
        "EBB_JOB_ATTRIBUTES": json.dumps(attributes),
    }
