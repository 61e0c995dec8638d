"""The calibration's file: what is written is read again, by forecasts of the stack next to it."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from ebb import project
from ebb.cli import app
from ebb.errors import UserError
from ebb.forecast.calibrate.calibration import Calibration, forget, load, save
from ebb.forecast.calibrate.fit import Delay, Second

FOUND = Calibration(
    stack="a",
    since=1_700_000_000,
    until=1_700_600_000,
    publish=Delay(median=30, low=20, high=41, sigma=0.3, samples=9),
    starts=Delay(median=300, low=280, high=320, sigma=0.05, samples=9),
    second=Second(low=-3, high=2, samples=9),
)
SENTENCE = "Delays from calibration/a.json, measured until 2023-11-21: SQS's metrics 30 s, start of a task 300 s."


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(project, "ROOT", tmp_path)
    (tmp_path / "Pulumi.a.yaml").write_text("config: {}")
    return tmp_path


def run(*words: str) -> Result:
    return CliRunner().invoke(app, [*words, "--stack", "a"], catch_exceptions=False)


def test_a_calibration_is_read_as_it_was_written_and_a_newer_one_replaces_it(folder: Path) -> None:
    assert load("a") is None
    assert save(FOUND) == folder / "calibration" / "a.json"
    assert load("a") == FOUND
    newer = Calibration(stack="a", since=1, until=2, reaction=FOUND.starts)
    save(newer)
    assert load("a") == newer


def test_the_next_forecast_uses_it_and_says_so() -> None:
    before = run("forecast", "--runs", "1")
    save(FOUND)
    after = run("forecast", "--runs", "1", "--json")
    assert (before.stderr, after.stderr) == ("", f"{SENTENCE}\n")
    made = json.loads(after.stdout)
    assert made["calibration"] == SENTENCE
    assert made["stack"]["seconds"]["wake"]["p50"]["value"] > 300
    shorter = json.loads(run("forecast", "--runs", "1", "--json", "--start-time", "20s").stdout)
    assert shorter["stack"]["seconds"]["wake"]["p50"]["value"] < 300


def test_forget_deletes_it() -> None:
    save(FOUND)
    assert run("calibrate", "--forget").stdout == "Deleted calibration/a.json.\n"
    assert run("calibrate", "--forget").stdout == "There is no calibration/a.json.\n"
    assert (load("a"), forget("a")) == (None, False)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{", "the file: Invalid JSON"),
        ('{"stack": "a", "since": 1}', "until: Field required"),
        ('{"stack": "a", "since": 1, "until": 2, "wake": 3}', "wake: Unexpected keyword argument"),
        ('{"stack": "a", "since": 1, "until": 2, "starts": {"median": "long"}}', "starts.median: Input should be"),
    ],
)
def test_a_file_that_ebb_did_not_write_is_one_sentence(folder: Path, text: str, problem: str) -> None:
    (folder / "calibration").mkdir()
    (folder / "calibration" / "a.json").write_text(text)
    with pytest.raises(UserError, match=r"^calibration/a\.json is not what `ebb calibrate` writes") as error:
        load("a")
    assert problem in str(error.value)
    assert run("forecast", "--runs", "1").exit_code == 1
