"""`python -m worker --check`: what a container lacks to run jobs, in one sentence, and nothing changes."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.worker.configs import config
from tests.worker.harness import Agent
from tests.worker.once import LIMIT, environment
from worker import check
from worker.aws.protection import DeniedError, EcsAgent
from worker.aws.table import JobTableError


def test_bad_settings_end_the_check_with_the_worker_s_own_sentence(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "worker", "--check"],
        check=False,
        cwd=tmp_path,
        env=environment(tmp_path),
        capture_output=True,
        text=True,
        timeout=LIMIT,
    )
    assert (done.returncode, done.stdout) == (os.EX_CONFIG, "")
    assert done.stderr.startswith("This image cannot run jobs: EBB_QUEUE_URL must be ")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("def handle(job): pass", None),
        ("import missing_module", "cannot be used: ModuleNotFoundError: No module named 'missing_module'"),
        ("import os; os._exit(5)", "cannot be used: its process exited with 5"),
        ("import time; time.sleep(600)", "was not imported within 1 seconds, its `start_timeout`"),
    ],
)
def test_the_handler_is_imported_in_a_child_as_for_a_job(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, said: str | None
) -> None:
    (tmp_path / "checked.py").write_text(text)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setenv("EBB_HANDLER", "checked:handle")
    chosen = config(handler="checked:handle", start_timeout=1 if "sleep" in text else LIMIT)
    if said is None:
        check._handler(chosen)
        return
    with pytest.raises(check.CheckError) as error:
        check._handler(chosen)
    assert (str(error.value), error.value.code) == (f"the handler checked:handle {said}", os.EX_CONFIG)


def test_a_part_of_aws_is_asked_again_while_a_new_role_s_permissions_spread(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    monkeypatch.setattr(time, "sleep", lambda seconds: now.__setitem__(0, now[0] + seconds))

    def ask() -> None:
        if now[0] < 30:
            raise OSError("AccessDenied")

    check._ask("the queue", ask, check.PATIENCE_SECONDS)
    assert now == [30]
    now[0] = 0
    with pytest.raises(check.CheckError, match=r"^the queue cannot be used: AccessDenied$") as error:
        check._ask("the queue", ask, 10)
    assert (error.value.code, now) == (os.EX_UNAVAILABLE, [10])

    def table() -> None:
        raise JobTableError("the job table t cannot be read: no")

    with pytest.raises(check.CheckError, match=r"^the job table t cannot be read: no$"):
        check._ask("the job table t", table, 0)


def test_the_check_asks_for_the_parts_that_the_settings_have() -> None:
    def names(**changes: object) -> list[str]:
        return [name for name, _ in check._parts(config(queue_url="https://sqs/q", **changes))]

    assert names(protection=False, agent_uri="http://agent") == ["the queue https://sqs/q"]
    every = names(job_table="t", payload_bucket="b", agent_uri="http://agent")
    assert every == ["the queue https://sqs/q", "the job table t", "the bucket b", "task protection"]


def test_the_ecs_agent_is_reached_also_when_the_task_has_no_service(agent: Agent) -> None:
    agent.plan = [
        (200, {"failure": {"Arn": "task", "Reason": "TASK_NOT_VALID", "Detail": None}}),
        (403, {"error": {"Code": "AccessDeniedException"}}),
    ]
    EcsAgent(agent.uri).check()
    with pytest.raises(DeniedError, match=r"^the ECS agent refused: 403 .*AccessDeniedException"):
        EcsAgent(agent.uri).check()
    assert agent.wishes == []
