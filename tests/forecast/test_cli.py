"""`ebb forecast`, of the tests' stacks."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from ebb import project
from ebb.cli import app
from ebb.forecast.baselines.catalog import BASELINES
from ebb.forecast.compare import scale
from ebb.project import ROOT
from tests.helpers import stacks
from tests.helpers.waiting import LIMIT, until

#: The path of a stack's file, for commands in another process.
DEV = str(stacks.FOLDER / "Pulumi.dev.yaml")


@pytest.fixture(autouse=True)
def stacks_of_the_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(project, "ROOT", stacks.FOLDER)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["forecast", *arguments], env={"COLUMNS": "160"}, catch_exceptions=False)


@pytest.mark.slow
def test_the_examples_of_the_help_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = CliRunner().invoke(app, ["forecast", "--help"], env={"COLUMNS": "80"}).output
    examples = re.findall(r"^ +ebb forecast *(.*)", shown, re.MULTILINE)
    assert len(examples) == 9
    monkeypatch.setattr(scale, "TIMES", (1, 10))  # more takes seconds
    (tmp_path / "jobs.csv").write_text("time,seconds\n0,30\n60,45\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    for line in (line for line in examples if "--compare" not in line):  # needs a branch: compare/test_revisions.py
        assert run(*line.split(), "--runs", "1").exit_code == 0, line
    assert (tmp_path / "f.html").exists()


def test_a_forecast_of_the_dev_stack() -> None:
    result = run("--stack", "dev", "--job", "30s", "--arrivals", "burst:20", "--runs", "2")
    assert result.exit_code == 0
    assert "dev: burst:20 of 30s, 2 runs from seed 1" in result.output
    assert re.search(r"jobs done +20", result.output)


def test_a_forecast_of_a_stack_file_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "Pulumi.small.yaml").write_text("config: {}", encoding="utf-8")
    result = run("--stack", str(tmp_path / "Pulumi.small.yaml"), "--runs", "1")
    assert result.output.startswith("small: burst:1 of 60s, 1 run from seed 1")


def test_a_change_applies_to_the_forecast() -> None:
    assert "NAT gateway" not in run("--runs", "1").output
    assert "NAT gateway" in run("--set", "network.nat=gateway", "--runs", "1").output


def test_the_same_seed_prints_the_same_and_another_one_does_not() -> None:
    words = ("--arrivals", "burst:5", "--runs", "2", "--json")
    first = run(*words, "--seed", "5").stdout
    assert run(*words, "--seed", "5").stdout == first
    assert run(*words, "--seed", "6").stdout != first


def test_standard_output_has_json_only() -> None:
    made = json.loads(run("--arrivals", "burst:2", "--runs", "1", "--json", "--against").stdout)
    assert made["stack"]["name"] == "dev"
    assert [each["name"] for each in made["against"]] == [baseline.name for baseline in BASELINES]
    assert made["stack"]["per_run"]["done"] == 2.0


def test_a_page_is_written(tmp_path: Path) -> None:
    file = tmp_path / "forecast.html"
    result = run("--arrivals", "burst:2", "--runs", "1", "--html", str(file))
    assert result.exit_code == 0
    assert f"Wrote {file}." in result.output
    assert file.read_text(encoding="utf-8").startswith("<!doctype html>")


def test_until_ends_the_simulation() -> None:
    made = json.loads(run("--arrivals", "burst:3", "--job", "10m", "--runs", "1", "--until", "15m", "--json").stdout)
    assert 0 < made["stack"]["per_run"]["left"]["value"] < 3


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--stack", "nowhere"), "There is no stack 'nowhere'; this project has dev, prod, sandbox, shared."),
        (("--stack", "none/Pulumi.dev.yaml"), "There is no stack 'dev'; this project has none."),
        (("--set", "max_tasks=9"), "A change is SECTION.KEY=VALUE, such as scaling.max_tasks=10, not 'max_tasks=9'."),
        (("--arrivals", "burts:2"), "Arrivals are burst:N, poisson:RATE"),
        (("--arrivals", "burst:many"), "burst needs a number of jobs"),
        (("--arrivals", "trace:none.csv"), "The trace none.csv cannot be read: No such file or directory."),
        (("--job", "soon"), "A time is a number with ms, s, m, h or d, such as 30s or 1h30m, not 'soon'."),
        (("--until", "0s"), "--until must be longer than 0 seconds, not '0s'."),
        (("--image", "big"), "An image is MB, or MB,MBIT/S of a shared path, such as 400 or 400,32, not 'big'."),
        (("--start-time", "0s"), "A start must be longer than 0 seconds, not '0s'."),
        (("--start-time", "normal:3s"), "A start's time is a time such as 30s, or lognormal:MEDIAN,SIGMA, not "),
        (("--deploy", "soon"), "A time is a number with ms, s, m, h or d, such as 30s or 1h30m, not 'soon'."),
        (("--start", "soon"), "--start is a date of the years 1970 to 2199, such as 2026-03-28, 2026-03-28T09:00 or "),
        (("--body", "2MB"), "A body is a size such as 300KB, from 1 byte to SQS's maximum of 1MB, not '2MB'."),
        (("--html", "none/page.html"), "The folder none for page.html does not exist."),
        (("--html", "/proc/page.html", "--runs", "1"), "/proc/page.html cannot be written: No such file or directory."),
    ],
)
def test_a_mistake_ends_in_one_sentence(arguments: tuple[str, ...], sentence: str) -> None:
    result = run(*arguments)
    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr.startswith(sentence)
    assert result.stderr.count("\n") == 1


def test_other_settings_that_are_refused_are_refused_before_the_first_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ebb.forecast.run.simulate", lambda *_args, **_options: pytest.fail("a run"))
    result = run("--vs", "scaling.watch=true", "--vs", "scaling.max_tasks=99999")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "ebb:scaling.max_tasks: must be at most 5000, got 99999." in result.stderr


def test_a_deployment_without_tasks_is_named() -> None:
    result = run("--runs", "1", "--deploy", "90s", "--deploy", "1d12h")
    assert result.stderr == (
        "--deploy 90s has no effect: no task runs at that time, in any of the runs.\n"
        "--deploy 36h has no effect: no task runs at that time, in any of the runs.\n"
    )


def test_an_option_out_of_range_is_a_usage_error() -> None:
    assert run("--runs", "0").exit_code == 2


def test_a_slow_pull_of_the_image_is_reported() -> None:
    result = run("--arrivals", "burst:1", "--runs", "1", "--image", "900,32")
    assert "slow-pull: A task that starts pulls 900 MB through 32 Mbit/s" in result.output


def test_a_forecast_without_a_page_loads_no_matplotlib() -> None:
    invoke = (
        "from typer.testing import CliRunner; import ebb.cli, sys; r = CliRunner().invoke(ebb.cli.app, sys.argv[1:])"
    )
    words = ["forecast", "--stack", DEV, "--runs", "1"]
    code = f"{invoke}; print(r.exit_code, 'matplotlib' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code, *words], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "0 False\n"


def test_ctrl_c_ends_a_forecast_without_a_traceback(tmp_path: Path) -> None:
    trace, page = tmp_path / "jobs.csv", tmp_path / "page.html"
    os.mkfifo(trace)
    words = ["--stack", DEV, "--arrivals", f"trace:{trace}", "--runs", "10000"]
    process = subprocess.Popen(
        [sys.executable, "-m", "ebb", "forecast", *words, "--html", str(page)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "TERM": "dumb"},
    )
    try:
        writer = until(lambda: opened(trace))
        os.write(writer, b"0\n60\n")
        os.close(writer)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=LIMIT)
    finally:
        process.kill()
    assert process.returncode == 130
    assert "Traceback" not in out + err
    assert not page.exists()


def opened(pipe: Path) -> int | None:
    """A descriptor to write to a named pipe, if a process reads it."""
    try:
        return os.open(pipe, os.O_WRONLY | os.O_NONBLOCK)
    except OSError:
        return None


def test_other_settings_without_effect_are_named_and_refused_ones_end_in_a_sentence() -> None:
    same = run("--runs", "1", "--vs", "worker.max_jobs_per_child=9")
    assert "--vs worker.max_jobs_per_child=9 has no effect: the stack has it, or no forecast" in same.output
    refused = run("--runs", "1", "--vs", "scaling.max_tasks")
    assert refused.exit_code == 1
    assert "A change is SECTION.KEY=VALUE, such as scaling.max_tasks=10, not 'scaling.max_tasks'." in refused.output
