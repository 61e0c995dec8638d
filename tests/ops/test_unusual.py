"""Unusual input of the commands for a deployed stack: wrong use, texts that no request can have, what is gone."""

import json
import sys
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from ebb.cli import app
from ebb.ops import scaling
from ebb.ops.checking import check
from ebb.ops.cli.confirming import confirm
from ebb.ops.cost import cost
from ebb.ops.executing import command as exec_command
from ebb.ops.jobs import jobs
from ebb.ops.sending import Options, door
from ebb.ops.stack import OpsError, Stack, read
from ebb.ops.story import _event

STACK = Stack(
    name="dev",
    queue_url="https://sqs.eu-west-1.amazonaws.com/1/jobs",
    cluster_name="c",
    service_name="w",
    table_name="jobs",
    api_url="http://127.0.0.1:1",
)


def ebb(*words: str) -> Result:
    return CliRunner().invoke(app, [*words, "--stack", "nowhere"], env={"COLUMNS": "200"})


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["jobs", "--state", "lost"], "'lost' is not one of 'queued', 'scheduled'"),
        (["jobs", "--limit", "-1"], "Invalid value for '--limit'"),
        (["jobs", "--watch", "--json"], "give either --watch or --json."),
        (["logs", "--since", "yesterday"], "--since: 'yesterday' is no span of time"),
        (["logs", "--since", f"{'9' * 400}d"], "is no span of time"),
        (["send", "{}", "--delay", "-5"], "--delay: '-5' is no span of time"),
        (["send", "{}", "--delay", "\N{SUPERSCRIPT TWO}"], "is no span of time"),
        (["send", "{\udcff}"], "BODY is not UTF-8."),
        (["dlq", "redrive", "--yes"], "say which dead letters"),
        (["wake", "--tasks", "0"], "Invalid value for '--tasks'"),
    ],
)
def test_wrong_use_is_code_2_before_a_stack_is_looked_for(words: list[str], said: str) -> None:
    done = ebb(*words)
    assert (done.exit_code, done.stdout, said in done.stderr) == (2, "", True), done.stderr


def test_a_file_that_is_no_text_is_wrong_use(tmp_path: Path) -> None:
    (tmp_path / "job.json").write_bytes(b"\xff\xfe")
    done = ebb("send", "--file", str(tmp_path / "job.json"))
    assert (done.exit_code, "job.json: 'utf-8' codec can't decode byte 0xff" in done.stderr) == (2, True), done.stderr


@pytest.mark.parametrize("name", ["", " "])
def test_an_empty_name_is_not_the_stack_that_pulumi_has_selected(name: str) -> None:
    with pytest.raises(OpsError, match=r"^--stack is empty: give the name of a deployed stack\.$"):
        read(name)


@pytest.mark.parametrize(
    "options",
    [Options(reference="Größe"), Options(reference="a\nX-Job-At: b"), Options(key="\N{SNOWMAN}"), Options(group="")],
)
def test_a_text_that_no_header_can_have_is_one_sentence(options: Options) -> None:
    with pytest.raises(OpsError, match="one or more printable characters of ASCII are needed"):
        door(STACK, options, None, lambda _: None)


def test_a_cursor_of_other_digits_is_no_cursor() -> None:
    with pytest.raises(OpsError, match="this is no cursor of an earlier answer"):
        jobs(STACK, cursor="\N{SUPERSCRIPT TWO}.x")


class Gone:
    """ECS without the service. DescribeServices answers it as a failure of the request's part."""

    def describe_services(self, **_: Any) -> Any:
        return {"services": [], "failures": [{"reason": "MISSING"}]}


@pytest.mark.parametrize(
    "act",
    [
        lambda client: check(STACK, client),
        lambda client: cost(STACK, client),
        lambda client: exec_command(STACK, "sh", None, client, which=str),
        lambda client: scaling.Service(STACK, client).state(),
        lambda client: list(_event(STACK, client, [], 0)),
    ],
    ids=["check", "cost", "exec", "state", "why"],
)
def test_a_service_that_was_deleted_is_one_sentence_in_each_command(act: Callable[..., Any]) -> None:
    with pytest.raises(OpsError, match=r"^The service of stack dev does not exist: run `pulumi up --refresh`\.$"):
        act(lambda _service: Gone())


class Terminal(StringIO):
    """Standard input of a terminal."""

    def isatty(self) -> bool:
        return True


def test_a_question_is_no_part_of_the_output_and_ctrl_c_ends_the_command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal("y\n"))
    assert confirm("Delete it?", yes=False)
    with pytest.raises(KeyboardInterrupt):
        confirm("Delete it?", yes=False)  # the input is at its end
    said = capsys.readouterr()
    assert (said.out.strip(), said.err.count("Delete it? [y/N]:")) == ("", 2)


def test_an_empty_input_is_not_silent(stack: Stack) -> None:
    done = CliRunner().invoke(app, ["send", "--stack", stack.name, "--json"], input="\n \n")
    assert (done.exit_code, done.stdout) == (0, "")
    assert done.stderr.endswith("Standard input has no job: nothing was sent.\n")
    assert json.loads(CliRunner().invoke(app, ["jobs", "--stack", stack.name, "--limit", "1", "--json"]).stdout)
