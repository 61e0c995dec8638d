import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

import settings
from ebb import project
from ebb.cli import app
from ebb.errors import UserError
from ebb.forecast import stack
from ebb.project import StackError
from tests.helpers import stacks

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def stacks_of_the_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(project, "ROOT", stacks.FOLDER)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["forecast", *arguments], env={"COLUMNS": "160"}, catch_exceptions=False)


def test_help_teaches_by_examples_that_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = CliRunner().invoke(app, ["forecast", "--help"], env={"COLUMNS": "80"}).output
    examples = re.findall(r"python -m ebb forecast *(.*)", shown)
    assert len(examples) == 6
    (tmp_path / "jobs.csv").write_text("time,seconds\n0,30\n60,45\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    for line in examples:
        assert run(*line.split(), "--runs", "1").exit_code == 0, line
    assert (tmp_path / "f.html").exists()


def test_it_forecasts_the_dev_stack() -> None:
    result = run("--stack", "dev", "--job", "30s", "--arrivals", "burst:20", "--runs", "2")
    assert result.exit_code == 0
    assert "dev: burst:20 of 30s, 2 runs from seed 1" in result.output
    assert re.search(r"jobs done +20", result.output)


def test_the_same_seed_prints_the_same_and_another_one_does_not() -> None:
    words = ("--arrivals", "burst:5", "--runs", "2", "--json")
    first = run(*words, "--seed", "5").stdout
    assert run(*words, "--seed", "5").stdout == first
    assert run(*words, "--seed", "6").stdout != first


def test_json_is_all_that_goes_to_standard_output() -> None:
    made = json.loads(run("--arrivals", "burst:2", "--runs", "1", "--json", "--against").stdout)
    assert made["stack"]["name"] == "dev"
    assert [peer["name"] for peer in made["against"]][-1] == "keda"
    assert made["stack"]["per_run"]["done"] == 2.0


def test_a_page_is_written_and_names_what_makes_it(tmp_path: Path) -> None:
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
        (("--arrivals", "burts:2"), "Arrivals are burst:N, poisson:RATE"),
        (("--arrivals", "burst:many"), "burst needs a number of jobs"),
        (("--arrivals", "trace:none.csv"), "The trace none.csv cannot be read: No such file or directory."),
        (("--job", "soon"), "A time is a number with ms, s, m, h or d, such as 30s or 1h30m, not 'soon'."),
        (("--until", "0s"), "A forecast must reach into the future: --until needs a time above 0."),
        (("--image", "400"), "An image is MB,MBIT/S, such as 400,32, not '400'."),
        (("--html", "none/page.html"), "There is no folder none to write page.html into."),
        (("--html", "/proc/page.html", "--runs", "1"), "/proc/page.html cannot be written: No such file or directory."),
    ],
)
def test_a_mistake_ends_in_one_sentence(arguments: tuple[str, ...], sentence: str) -> None:
    result = run(*arguments)
    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr.startswith(sentence)
    assert result.stderr.count("\n") == 1


def test_an_option_out_of_range_is_a_usage_error() -> None:
    assert run("--runs", "0").exit_code == 2


def test_what_an_image_needs_of_the_way_out_is_told() -> None:
    result = run("--arrivals", "burst:1", "--runs", "1", "--image", "900,32")
    assert "slow-pull: A task that starts pulls 900 MB through 32 Mbit/s" in result.output


def file(folder: Path, text: str) -> Path:
    (folder / "Pulumi.dev.yaml").write_text(text, encoding="utf-8")
    return folder


def test_a_stack_file_is_read_without_pulumi(tmp_path: Path) -> None:
    read = stack.read("dev", file(tmp_path, "config:\n  aws:region: us-east-1\n  ebb:scaling: {max_tasks: 7}\n"))
    assert read == settings.read({"scaling": {"max_tasks": 7}})
    assert stack.read("dev", file(tmp_path, "")) == settings.read({})


def test_a_forecast_of_what_the_stack_does_not_say_yet(tmp_path: Path) -> None:
    folder = file(tmp_path, "config:\n  ebb:scaling: {max_tasks: 7, seconds_per_job: 30}\n")
    changes = ("scaling.max_tasks=9", "network.nat=gateway", "scaling.watch=true")
    assert stack.read("dev", folder, changes) == settings.read(
        {"scaling": {"max_tasks": 9, "seconds_per_job": 30, "watch": True}, "network": {"nat": "gateway"}}
    )
    assert "NAT gateway" in run("--set", "network.nat=gateway", "--runs", "1").output


@pytest.mark.parametrize("change", ["max_tasks=9", "scaling.max_tasks", "scaling.a.b=1", "scaling.=1", "a.b=["])
def test_a_change_that_is_none_ends_in_one_sentence(change: str) -> None:
    result = run("--set", change)
    assert result.exit_code == 1
    assert result.output == f"A change is SECTION.KEY=VALUE, such as scaling.max_tasks=10, not {change!r}.\n"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("- a list", "Pulumi.dev.yaml should be a mapping with a mapping `config`."),
        ("config: 3", "Pulumi.dev.yaml should be a mapping with a mapping `config`."),
        ("config: {", "Pulumi.dev.yaml cannot be read: while parsing a flow node"),
        (
            "config: {ebb:worker: {secure: AAAB}}",
            "ebb:worker in Pulumi.dev.yaml is encrypted, and only pulumi has the key",
        ),
    ],
)
def test_a_stack_file_that_cannot_be_read_ends_in_one_sentence(tmp_path: Path, text: str, sentence: str) -> None:
    with pytest.raises(StackError) as caught:
        stack.read("dev", file(tmp_path, text))
    assert str(caught.value).startswith(sentence)


def test_wrong_settings_are_all_named(tmp_path: Path) -> None:
    with pytest.raises(UserError) as caught:
        stack.read("dev", file(tmp_path, "config: {ebb:scaling: {max_tasks: 0, min_tasks: -1}}"))
    assert len(str(caught.value).splitlines()) == 3


def test_a_forecast_without_a_page_loads_no_matplotlib() -> None:
    asked = (
        "from typer.testing import CliRunner; import ebb.cli, sys; r = CliRunner().invoke(ebb.cli.app, sys.argv[1:])"
    )
    words = ["forecast", "--arrivals", "burst:1", "--runs", "1"]
    code = f"{asked}; print(r.exit_code, 'matplotlib' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code, *words], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "0 False\n"


def test_ctrl_c_ends_it_cleanly(tmp_path: Path) -> None:
    words = ["--arrivals", "poisson:400/h:30d", "--runs", "1000", "--html", str(tmp_path / "page.html")]
    process = subprocess.Popen(
        [sys.executable, "-m", "ebb", "forecast", *words],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "TERM": "dumb"},
    )
    try:
        maps = Path(f"/proc/{process.pid}/maps")
        limit = time.monotonic() + 60
        while "yaml" not in maps.read_text() and time.monotonic() < limit:  # it has begun to work
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    finally:
        process.kill()
    assert process.returncode == 130
    assert "Traceback" not in out + err
    assert not (tmp_path / "page.html").exists()
