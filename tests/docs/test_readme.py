"""Every code block of the README runs or is checked, and every figure and setting in it is what the program has."""

import json
import os
import re
import runpy
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import metadata
from itertools import takewhile
from pathlib import Path
from typing import Any

import boto3
import pytest
import yaml
from typer.testing import CliRunner

import settings
from ebb import project
from ebb.cli import app
from ebb.sandbox.log_follower import TaskLine
from ebb.sandbox.readable import Readable
from tests.components.harness import deploy
from tests.docs import emulator
from tests.docs.pages import PAGES, README, ROOT, rows, section
from tests.helpers import programs, stacks
from tests.iam import stacks as of_iam
from tools import demo_picture

#: The product's own folders in the root. Others are the user's.
ROOMS = {"bench", "components", "docs", "ebb", "examples", "policy", "settings", "tests", "tools", "worker"}
#: Named in the map, but the user's: they may be gone.
YOURS = {"worker/handler.py", "worker/requirements.txt", "worker/Dockerfile", "Pulumi.*.yaml"}
ACCOUNT = "123456789012"


def blocks(language: str, page: Path = ROOT / "README.md") -> list[str]:
    found = re.findall(r"^```(\S*)\n(.*?)^```$", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    return [text for kind, text in found if kind == language]


def test_every_block_is_of_a_kind_that_is_checked_here() -> None:
    kinds = {kind for page in PAGES for kind in re.findall(r"^```(\S*)\n(?:.*?)^```$", page.read_text(), re.M | re.S)}
    # text: test_scaling.py, test_tutorial.py, dockerfile: test_howto.py
    assert kinds == {"", "sh", "python", "yaml", "json", "text", "dockerfile"}


def test_the_readme_begins_with_the_picture_of_the_demo() -> None:
    image = re.match(r"# Ebb\n\n!\[.+\]\((.+)\)\n", README)
    assert image
    assert image[1] == str(demo_picture.PICTURE.relative_to(ROOT))


def test_the_map_has_15_lines_and_every_folder() -> None:
    lines = [line for line in section("Where things are").splitlines() if line.startswith("|")]
    assert len(lines) == 15
    named = {path for row in rows("\n".join(lines)) for path in re.findall(r"`([\w./*]+)`", row[0])}
    assert [path for path in sorted(named - YOURS) if not list(ROOT.glob(path))] == []
    assert {path.split("/")[0] for path in named if "/" in path} == ROOMS


def test_the_files_that_contributing_names_exist() -> None:
    table = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").split("## Where is …?\n")[1].split("\n## ")[0]
    paths = [path for _, files in rows(table) for path in re.findall(r"`([^`]+)`", files)]
    assert len(paths) > 30
    assert [path for path in paths if not (ROOT / path).exists()] == []


def test_the_sandbox_s_foundations_are_named_with_their_licences() -> None:
    words = " ".join(section("See it work, without an account").split())
    assert "[MiniStack](https://github.com/ministackorg/ministack) (MIT licence)" in words
    assert "[moto](https://github.com/getmoto/moto) (Apache 2.0)" in words
    assert "License :: OSI Approved :: MIT License" in (metadata("ministack").get_all("Classifier") or [])
    assert metadata("moto")["License"] == "Apache-2.0"


def test_the_picture_is_the_same_in_both_pages() -> None:
    (picture,) = blocks("")
    assert blocks("", ROOT / "docs/architecture.md") == [picture]


# shell


def test_each_make_target_that_the_pages_name_exists() -> None:
    targets = set(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = {name for page in PAGES for name in re.findall(r"(?:^|`)make ([a-z-]+)", page.read_text(), re.MULTILINE)}
    assert {"demo", "up", "test"} <= named <= targets


def test_the_two_commands_start_the_sandbox() -> None:
    local = section("See it work, without an account")
    assert re.findall(r"^make (\w+) ", local, re.MULTILINE) == ["demo", "up"]
    for command in ("demo", "up"):
        planned = subprocess.run(["make", "-n", command], cwd=ROOT, capture_output=True, text=True, check=True)
        assert f"-m ebb sandbox {command}" in planned.stdout


#: Without those that need a branch of git: tests/forecast/compare/test_revisions.py.
FORECASTS = list(
    dict.fromkeys(
        line
        for page in PAGES
        for line in re.findall(r"^(?:python -m )?(ebb forecast .*)$", page.read_text(), re.M)
        if "--compare" not in line and "--stack tutorial" not in line  # the latter: test_tutorial.py
    )
)


@pytest.mark.parametrize("line", FORECASTS)
def test_each_forecast_that_the_pages_show_is_made(line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(project, "ROOT", stacks.FOLDER)
    command = line.split()[1:]
    if "--html" in command:
        command[command.index("--html") + 1] = str(tmp_path / "page.html")
    if "--runs" not in command:
        command += ["--runs", "2"]
    made = CliRunner().invoke(app, command, catch_exceptions=False)
    assert made.exit_code == 0, made.stderr
    assert "--html" not in command or (tmp_path / "page.html").read_text().startswith("<!")
    assert made.stdout


#: The command, on the tests' stack files in the working directory.
EBB = f"""
import sys
from pathlib import Path
sys.path.insert(0, {str(ROOT)!r})
from ebb import project
project.ROOT = Path.cwd()
from ebb.cli import app
app()
"""


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder to run the deployment's blocks in: `aws` speaks to an emulator, the others write down their words."""
    monkeypatch.setenv("MOTO_IAM_LOAD_MANAGED_POLICIES", "true")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "aws").write_text(programs.program(sys.executable, Path(__file__).parent / "aws_cli.py"))
    for name in ("make", "pulumi", "curl"):
        (folder / name).write_text(
            f'#!/bin/sh\nprintf "%s|" {name} "$@" >> "$CALLS"; echo >> "$CALLS"\n'
            'case "$*" in "stack output api_key_id") echo abc;; "stack output api_url") echo https://api/run;; esac\n'
        )
    for file in folder.iterdir():
        file.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    monkeypatch.setenv("CALLS", str(tmp_path / "calls"))
    (folder / "ebb").write_text(programs.program(sys.executable, "-c", EBB))
    (folder / "ebb").chmod(0o755)
    (tmp_path / ".venv/bin").mkdir(parents=True)
    (tmp_path / ".venv/bin/activate").touch()
    for file in (ROOT / "Pulumi.yaml", *stacks.FOLDER.iterdir()):
        shutil.copy(file, tmp_path)
    with emulator.account() as address:
        monkeypatch.setenv("AWS_ENDPOINT_URL", address)
        yield tmp_path


def test_the_deployment_s_blocks_run_from_the_account_to_the_end(shell: Path) -> None:
    steps = section("Deploy to AWS")
    script = "\n".join(re.findall(r"^```sh\n(.*?)^```$", steps, re.MULTILINE | re.DOTALL))
    command = ["bash", "-euo", "pipefail", "-c", script]
    ran = subprocess.run(command, cwd=shell, capture_output=True, text=True, timeout=120, check=False)

    assert ran.returncode == 0, ran.stderr
    session: Any = boto3.Session(region_name="us-east-1")
    s3, iam, kms = (session.client(name) for name in ("s3", "iam", "kms"))
    bucket = f"ebb-state-{ACCOUNT}"
    assert s3.get_bucket_versioning(Bucket=bucket)["Status"] == "Enabled"
    closed = s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"]
    assert len(closed) == 4
    assert all(closed.values())
    assert "alias/ebb-state" in [alias["AliasName"] for alias in kms.list_aliases()["Aliases"]]
    provider = f"arn:aws:iam::{ACCOUNT}:oidc-provider/token.actions.githubusercontent.com"
    assert iam.get_open_id_connect_provider(OpenIDConnectProviderArn=provider)["ClientIDList"] == ["sts.amazonaws.com"]
    for role, subject in (("ebb-deploy-dev", "environment:dev"), ("ebb-preview", "pull_request")):
        (statement,) = iam.get_role(RoleName=role)["Role"]["AssumeRolePolicyDocument"]["Statement"]
        assert statement["Principal"]["Federated"] == provider
        assert statement["Condition"]["StringEquals"] == {
            "token.actions.githubusercontent.com:aud": "sts.amazonaws.com",
            "token.actions.githubusercontent.com:sub": f"repo:OWNER/REPOSITORY:{subject}",
        }
    dev = stacks.configuration("dev")
    deploys = iam.get_role_policy(RoleName="ebb-deploy-dev", PolicyName="deploy")["PolicyDocument"]
    assert deploys == of_iam.deployer(dev)
    previews = iam.get_role_policy(RoleName="ebb-preview", PolicyName="preview")["PolicyDocument"]
    assert previews == of_iam.preview(dev)
    assert iam.list_attached_role_policies(RoleName="ebb-preview")["AttachedPolicies"] == []
    calls = [line.split("|")[:-1] for line in (shell / "calls").read_text().splitlines()]
    assert calls[:7] == [
        ["make", "venv"],
        ["pulumi", "login", f"s3://{bucket}?region=us-east-1"],
        [
            "pulumi",
            "stack",
            "init",
            "dev",
            "--secrets-provider",
            "awskms://alias/ebb-state?region=us-east-1&context_stack=dev",
        ],
        ["pulumi", "config", "set", "aws:region", "us-east-1"],
        ["pulumi", "config", "set", "--path", "ebb:scaling.max_tasks", "4"],
        ["pulumi", "preview", "--diff"],
        ["pulumi", "up"],
    ]
    (curl,) = (call for call in calls if call[0] == "curl")
    assert "x-api-key: the key of abc" in curl
    assert curl[-1] == "https://api/run/jobs"
    assert json.loads(curl[curl.index("-d") + 1]) == {"text": "one two three"}
    assert [call[1:] for call in calls[-2:]] == [["destroy", "--run-program"], ["stack", "rm", "dev"]]


ONE_JOB = " | .venv/bin/python -m worker --once -"


def test_shell_blocks_that_are_not_run_here_are_make_targets_and_commands_that_are() -> None:
    run = section("Deploy to AWS") + section("What a client does")  # the latter: test_api_page.py
    shown = [line for block in blocks("sh") if block not in run for line in block.splitlines()]
    assert [line for line in shown if not line.startswith(("make ", "ebb forecast ", "ebb advise "))] == [
        f"echo '{BODY}'{ONE_JOB}",
        ". .venv/bin/activate",
    ]


# the worker

BODY = '{"text": "one two three"}'


@pytest.fixture
def example(tmp_path: Path) -> Path:
    """A folder with the README's handler as the module `example`."""
    (source,) = blocks("python")
    assert f"# {BODY}" in source
    (tmp_path / "example.py").write_text(source)
    return tmp_path


def test_the_example_job_runs_through_the_worker_and_the_sandbox_shows_its_log_so(example: Path) -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "worker", "--once", "-"],
        input=BODY,
        cwd=ROOT,
        env={**os.environ, "EBB_HANDLER": "example:handle", "PYTHONPATH": str(example)},
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    readable = Readable(settings.Settings())
    records = map(json.loads, ran.stdout.splitlines())
    lines = [TaskLine(time=0.0, task="", text="", record=record) for record in records]
    (log,) = blocks("text")
    shown = [line.split(" ", 1)[1].replace("20c2e605", "once") for line in log.splitlines()]
    assert [re.sub(r"[\d.]+ s$", "0.027 s", text) for line in lines for text, _ in readable.lines(line)] == shown


# settings


def config(text: str) -> settings.Settings:
    sections = yaml.safe_load(text)["config"]
    return settings.read({key.removeprefix("ebb:"): value for key, value in sections.items() if key.startswith("ebb:")})


def test_yaml_blocks_are_settings_without_a_warning() -> None:
    found = [block for page in PAGES for block in blocks("yaml", page)]
    assert len(found) > 15
    for block in found:
        read = config(block)
        assert read != settings.Settings()
        assert settings.warnings(read) == []


@pytest.mark.parametrize(("link", "stack"), [("low-cost recipe", "dev"), ("Fargate pattern", "shared")])
def test_each_setting_in_a_migration_table_is_what_the_stack_as_delivered_has(link: str, stack: str) -> None:
    after = section("Coming from CDK").split(f"[{link}", 1)[1].splitlines()
    table = takewhile(lambda line: line.startswith("|"), [line for line in after if line][2:])
    named = re.findall(r"`((?:network|queue|api|worker|scaling)\.[a-z_.]+)(?:: ([^`]+))?`", "\n".join(table))
    assert len(named) >= 10
    actual = stacks.read(stack).model_dump(mode="json")
    for path, shown in named:
        value: Any = actual
        for part in path.split("."):
            value = value[part]
        assert value == yaml.safe_load(shown) if shown else value, path


def program() -> None:
    runpy.run_path(str(ROOT / "__main__.py"), run_name="__main__")


def test_the_key_statement_is_for_the_roles_that_use_the_queue() -> None:
    (text,) = blocks("json", ROOT / "docs/architecture.md")
    statement = json.loads(text)
    config = {"ebb:queue": json.dumps({"kms": "arn:aws:kms:us-east-1:123456789012:key/0"})}
    stack = deploy(program, config=config)
    using, actions = set(), set()
    for policy in stack.of("aws:iam/rolePolicy:RolePolicy"):
        if kms := {a for s in policy.statements for a in s["Action"] if a.startswith("kms:")}:
            using.add(policy.name)
            actions |= kms
    assert {role.split("/")[1].rpartition("-")[0] for role in statement["Principal"]["AWS"]} == using
    assert set(statement["Action"]) == actions
