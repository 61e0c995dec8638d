"""`settings.loading.load`: what Pulumi passes to the program."""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import pulumi
import pytest

from settings.encryption import encrypted_fields
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


def test_an_encrypted_value_that_can_stay_secret_marks_its_section() -> None:
    with configured({"ebb:worker": '{"environment": {"A": "b"}, "cluster": "c"}'}, secret_keys=["ebb:worker"]):
        read = load()
    assert (read.worker.encrypted, read.queue.encrypted) == (True, False)


@pytest.mark.parametrize(
    ("section", "value", "field"),
    [("queue", '{"name": "hunter2"}', "queue.name"), ("worker", '{"cluster": "hunter2"}', "worker.cluster")],
)
def test_an_encrypted_value_that_the_state_would_show_is_refused_and_not_shown(
    section: str, value: str, field: str
) -> None:
    with configured({f"ebb:{section}": value}, secret_keys=[f"ebb:{section}"]), pytest.raises(pulumi.RunError) as error:
        load()
    (sentence,) = str(error.value).splitlines()[1:]
    assert sentence == (
        f"ebb:{field}: is encrypted, but Pulumi's state would show it. Set it without --secret, or put what must stay "
        'secret into an SSM parameter and name that in worker.secrets, got "(not shown: it is encrypted)".'
    )


def test_the_stack_file_says_which_value_of_a_section_is_encrypted() -> None:
    file = {
        "ebb:worker": {"cluster": {"secure": "v1:a"}, "command": ["a", {"secure": "v1:b"}]},
        "aws:x": {"secure": "c"},
    }
    assert list(encrypted_fields(file)) == ["worker.cluster", "worker.command.1"]
