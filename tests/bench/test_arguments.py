"""Each bench is a command: --help says what it measures, and a wrong number ends in one sentence."""

from types import ModuleType

import pytest
from typer.testing import CliRunner

from bench import forecast, preview
from bench.policy import objectives, tune
from bench.worker.__main__ import app

COMMANDS = [(forecast, "rounds"), (preview, "rounds"), (tune, "runs"), (objectives, "runs")]


@pytest.mark.parametrize(("module", "name"), COMMANDS)
def test_help_says_what_is_measured_and_what_can_be_given(
    module: ModuleType, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, check=lambda ended: ended.code == 0):
        module.main(["--help"])
    said = capsys.readouterr().out
    assert said.startswith(f"usage: python -m {module.__name__} [-h] [{name}]\n\n{module.__doc__}")
    assert f"\n  {name} " in said


@pytest.mark.parametrize("given", ["x", "0", "2.5", ""])
@pytest.mark.parametrize(("module", "name"), COMMANDS)
def test_a_wrong_number_ends_in_one_sentence(
    module: ModuleType, name: str, given: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, check=lambda ended: ended.code == 2):
        module.main([given])
    *_, last = capsys.readouterr().err.splitlines()
    sentence = f"argument {name}: must be a whole number from 1 on, not {given!r}."
    assert last == f"python -m {module.__name__}: error: {sentence}"


def test_the_worker_s_bench_has_options() -> None:
    assert CliRunner().invoke(app, ["--help"]).exit_code == 0
    wrong = CliRunner().invoke(app, ["--rounds", "0"])
    assert wrong.exit_code == 2
    assert "Invalid value for '--rounds'" in wrong.stderr
