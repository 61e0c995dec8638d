"""`python -m worker --check`: whether this container could run jobs. It receives nothing and writes nothing.

Ebb runs it in one task of each new revision, before the service gets the revision. It goes the worker's own ways: the
settings, a child process that imports the handler, the worker's clients, the ECS agent. Standard error gets one
sentence at the end.

Exit codes:
- 0: this container could run jobs.
- 69 (EX_UNAVAILABLE): the queue, the job table, the bucket or the ECS agent refuses.
- 78 (EX_CONFIG): bad settings, or a handler that cannot be imported.
"""

import os
import select
import sys
import time
from collections.abc import Callable, Iterator

from worker import config, health, logs
from worker.jobs.descendants import FAMILY
from worker.variables import ConfigError

#: A new role's permissions are valid some seconds after its creation (IAM user guide, "Troubleshooting IAM"), so AWS is
#: asked again for so many seconds.
PATIENCE_SECONDS = 60.0
PAUSE_SECONDS = 2.0

#: A part of AWS that the worker needs: its name, and the call that shows that it answers.
Part = tuple[str, Callable[[], object]]


class CheckError(Exception):
    """This container cannot run jobs. The text is one sentence."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code


def main() -> int:
    """Check everything; the exit code."""
    logs.setup()
    FAMILY.adopt()
    try:
        settings = _settings()
        _handler(settings)
        for name, ask in _parts(settings):
            _ask(name, ask, PATIENCE_SECONDS / settings.speed)
    except CheckError as error:
        return _end(error.code, f"This image cannot run jobs: {error}")
    return _end(os.EX_OK, "This image can run jobs.")


def _end(code: int, sentence: str) -> int:
    logs.OUTPUT.flush()
    print(sentence, file=sys.stderr, flush=True)
    return code


def _settings() -> config.Config:
    try:
        settings = config.read(os.environ)
    except ConfigError as error:
        raise CheckError(os.EX_CONFIG, str(error)) from None
    if settings.health_file and (problem := health.unwritable(settings.health_file)):
        raise CheckError(os.EX_CONFIG, problem)
    return settings


def _handler(settings: config.Config) -> None:
    """Import the handler in a child process, as for a job."""
    from worker.job import Verdict  # noqa: PLC0415 - as the worker's own imports
    from worker.jobs.process import Child, ChildGoneError  # noqa: PLC0415

    what = "the command" if settings.command else f"the handler {settings.handler}"
    child = Child([sys.executable, "-m", "worker.jobs.child"])
    ends_at, result = time.monotonic() + settings.start_timeout, None
    try:
        while result is None:
            left = ends_at - time.monotonic()
            if left <= 0 or not select.select([child.descriptor], [], [], left)[0]:
                limit = f"{settings.start_timeout} seconds, its `start_timeout`"
                raise CheckError(os.EX_CONFIG, f"{what} was not imported within {limit}")
            result = child.read()
    except ChildGoneError:
        raise CheckError(os.EX_CONFIG, f"{what} cannot be used: its process {child.exit_reason()}") from None
    finally:
        child.end(settings.short_grace)
    if result.verdict is not Verdict.DONE:
        if result.traceback:
            logs.line(result.traceback)
        raise CheckError(os.EX_CONFIG, f"{what} cannot be used: {result.reason}")


def _parts(settings: config.Config) -> Iterator[Part]:
    """What the worker asks of AWS, with the permissions that it has."""
    from worker.aws import clients  # noqa: PLC0415 - after the handler: botocore takes a while
    from worker.aws.protection import EcsAgent  # noqa: PLC0415
    from worker.aws.table import JobTable  # noqa: PLC0415

    region = settings.region
    yield (
        f"the queue {settings.queue_url}",
        lambda: clients.sqs(region, connections=1).get_queue_attributes(
            QueueUrl=settings.queue_url, AttributeNames=["QueueArn"]
        ),
    )
    if table := settings.job_table:
        yield (
            f"the job table {table}",
            lambda: JobTable(table, clients.dynamodb(region, connections=1), keep=0, retention=0).check(),
        )
    if bucket := settings.payload_bucket:
        yield f"the bucket {bucket}", lambda: clients.s3(region).list_objects_v2(Bucket=bucket, MaxKeys=1)
    if settings.agent_uri and settings.protection:
        yield "task protection", EcsAgent(settings.agent_uri).check


def _ask(name: str, ask: Callable[[], object], patience: float) -> None:
    """Ask until there is an answer. Raises CheckError with the last refusal."""
    from worker.aws.clients import ClientSetupError  # noqa: PLC0415
    from worker.aws.errors import RETRYABLE_ERRORS  # noqa: PLC0415
    from worker.aws.protection import DeniedError  # noqa: PLC0415
    from worker.aws.table import JobTableError  # noqa: PLC0415

    ends_at = time.monotonic() + patience
    while True:
        try:
            ask()
        except (*RETRYABLE_ERRORS, ClientSetupError, JobTableError, DeniedError) as error:
            if time.monotonic() >= ends_at:
                said = str(error) if isinstance(error, JobTableError) else f"{name} cannot be used: {error}"
                raise CheckError(os.EX_UNAVAILABLE, said) from None
        else:
            return
        time.sleep(min(PAUSE_SECONDS, patience))
