"""`settings.loading.load`: what Pulumi passes to the program."""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pulumi
import pytest

from settings.loading import load


@contextmanager
def configured(config: Mapping[str, str], secret_keys: list[str] | None = None) -> Iterator[None]:
    """Pulumi's configuration of a program that runs in this process."""
    pulumi.runtime.set_all_config(dict(config), secret_keys or [])
    try:
        yield
    finally:
        pulumi.runtime.set_all_config({}, [])


def test_sections_are_objects_and_other_namespaces_are_ignored() -> None:
    with configured({"ebb:queue": '{"fifo": true}', "ebb:scaling": '{"max_tasks": 7}', "aws:region": "eu-west-1"}):
        read = load()
    assert (read.queue.fifo, read.scaling.max_tasks) == (True, 7)


def test_sections_come_from_the_environment_as_pulumi_up_sets_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PULUMI_CONFIG", json.dumps({"ebb:scaling": '{"max_tasks": 7}', "aws:region": "eu-west-1"}))
    assert load().scaling.max_tasks == 7


def test_a_section_with_a_secret_in_it_is_read() -> None:
    with configured({"ebb:monitoring": '{"emails": ["a@example.com"]}'}, secret_keys=["ebb:monitoring"]):
        assert load().monitoring.emails == ("a@example.com",)


@pytest.mark.parametrize(
    ("config", "sentence"),
    [
        ({"ebb:queue": "fifo"}, 'ebb:queue: must be a mapping, got "fifo".'),
        ({"ebb:queue": "null"}, "ebb:queue: must be a mapping, got null."),
        ({"ebb:scaling": '{"max_tasks": 0}'}, "ebb:scaling.max_tasks: must be at least 1, got 0."),
    ],
)
def test_a_wrong_section_ends_the_program_without_a_stack_trace(config: dict[str, str], sentence: str) -> None:
    with configured(config), pytest.raises(pulumi.RunError) as refused:
        load()
    assert str(refused.value) == f"The configuration was refused; nothing was changed.\n{sentence}"


def test_a_misspelt_section_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PULUMI_CONFIG", json.dumps({"ebb:scalling": '{"max_tasks": 7}'}))
    with pytest.raises(pulumi.RunError, match="ebb:scalling: unknown key, the nearest known one is scaling"):
        load()


@pytest.mark.parametrize("module", ["settings", "policy.plan", "policy.hours", "ebb.forecast.cli", "ebb.forecast.run"])
def test_nothing_else_imports_pulumi(module: str) -> None:
    program = f"import sys, {module}; print([name for name in sys.modules if name.partition('.')[0] == 'pulumi'])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


@pytest.fixture
def stack_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The stack file of a program that runs in this process; it does not exist yet."""
    monkeypatch.setattr(pulumi, "get_root_directory", lambda: str(tmp_path))
    return tmp_path / f"Pulumi.{pulumi.get_stack()}.yaml"


def refusal(section: str, delivered: object) -> str:
    """What is said of a section in which something is encrypted."""
    secret = {f"ebb:{section}": json.dumps(delivered)}
    with configured(secret, secret_keys=list(secret)), pytest.raises(pulumi.RunError) as error:
        load()
    (sentence,) = str(error.value).splitlines()[1:]
    return sentence


SHOWN = (
    "is encrypted, but Pulumi's state would show it. Set it without --secret, or put what must stay secret into an SSM "
    'parameter and name that in worker.secrets, got "(not shown: it is encrypted)".'
)
WORKER = {"environment": {"A": "b"}, "cluster": "hunter2"}


@pytest.mark.usefixtures("stack_file")
def test_an_encrypted_value_that_can_stay_secret_marks_its_section() -> None:
    with configured({"ebb:worker": '{"environment": {"A": "b"}}'}, secret_keys=["ebb:worker"]):
        read = load()
    assert (read.worker.encrypted, read.queue.encrypted) == (True, False)


def test_the_stack_file_says_which_value_of_a_section_is_encrypted(stack_file: Path) -> None:
    stack_file.write_text("config: {worker: {environment: {A: {secure: v1:a}}, cluster: hunter2}}")
    with configured({"ebb:worker": json.dumps(WORKER)}, secret_keys=["ebb:worker"]):
        assert load().worker.encrypted


@pytest.mark.parametrize("key", ["worker", "ebb:worker", "ebb:config:worker"])
@pytest.mark.parametrize(("text", "value"), [("=", "="), ("2024-02-30", "2024-02-30"), ("!x y", "y"), ("'n'", "n")])
def test_an_encrypted_value_that_the_state_would_show_is_refused_in_each_file_that_pulumi_reads(
    stack_file: Path, key: str, text: str, value: str
) -> None:
    stack_file.write_text(f"config:\n  {key}:\n    environment:\n      A: {text}\n    cluster: {{secure: v1:a}}\n")
    assert refusal("worker", {**WORKER, "environment": {"A": value}}) == f"ebb:worker.cluster: {SHOWN}"


def test_in_a_section_that_is_encrypted_as_a_whole_all_is_encrypted(stack_file: Path) -> None:
    stack_file.write_text("config: {queue: {secure: v1:a}}")
    assert refusal("queue", {"name": "hunter2"}) == f"ebb:queue.name: {SHOWN}"


@pytest.mark.parametrize(
    "text",
    [
        None,
        "config: [",
        "config: {worker: {environment: {A: {secure: v1:a}}}}",  # `cluster` comes from an environment of Pulumi ESC
        "config: {worker: {environment: {A: {secure: v1:a}}, cluster: other}}",
    ],
)
def test_where_the_place_of_an_encrypted_value_is_unknown_the_section_is_refused(
    stack_file: Path, text: str | None
) -> None:
    if text:
        stack_file.write_text(text)
    assert refusal("worker", WORKER) == (
        f"ebb:worker: has an encrypted value, and {stack_file.name} does not say which: put the section as it is into "
        "that file, because Pulumi's state would show worker.cluster."
    )
