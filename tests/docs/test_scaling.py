"""What docs/scaling.md shows is what its commands print."""

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from moto.server import ThreadedMotoServer

from bench.policy import aims, tune
from ebb.forecast.baselines import RECIPES
from tools import scaling_docs

PAGE = scaling_docs.PAGE.read_text(encoding="utf-8")
QUICK = [command for command, quick in scaling_docs.commands(PAGE) if quick]
SLOW = [command for command, quick in scaling_docs.commands(PAGE) if not quick]


def shown(command: str) -> str:
    """What the page shows for a command."""
    found = re.search(rf"<!-- {re.escape(command)}(?:: quick)? -->\n(.*?)\n<!-- end -->", PAGE, re.DOTALL)
    assert found
    return found[1]


@pytest.mark.parametrize("command", QUICK)
def test_what_a_quick_command_printed_is_what_it_prints(command: str) -> None:
    assert scaling_docs.printed(command) == shown(command)


@pytest.mark.parametrize("command", [each for each in SLOW if "--against" in each])
def test_a_slow_comparison_has_the_recipes_that_there_are(command: str) -> None:
    rows = [line.split(" ")[0] for line in shown(command).splitlines()]
    assert {recipe.name: rows.count(recipe.name) for recipe in RECIPES} == {recipe.name: 3 for recipe in RECIPES}


def test_the_aims_are_those_of_the_table_and_near_its_figures() -> None:
    rows = [row.strip("| ").split(" | ") for row in shown("python -m bench.policy.aims").splitlines()[2:]]
    now = list(aims.aims(40, 4))
    assert [row[0] for row in rows] == [aim.text for aim in now]
    assert [row[3] for row in rows if "p95" not in row[0]] == [
        "yes" if aim.met else "**no**" for aim in now if "p95" not in aim.text
    ]


def test_the_tuning_tables_have_the_variants_and_loads_that_are_tried() -> None:
    tables = shown("python -m bench.policy.tune").split("\n\n")
    variants: dict[str, list[str]] = {}
    for each in tune.variants():
        variants.setdefault(each.knob, []).append(each.name)
    assert [table.splitlines()[0] for table in tables] == [
        f"| {knob} | {' | '.join(names)} |" for knob, names in variants.items()
    ]
    for table in tables:
        assert [line.split(" | ")[0][2:] for line in table.splitlines()[2:-1]] == [load.name for load in tune.LOADS]


def test_a_cell_of_the_tuning_tables_is_what_is_found_with_the_same_seeds() -> None:
    deployed = tune.Variant(knob="", name="")
    for name in ("one", "200 of 30 s", "a fifth fails"):
        load = next(each for each in tune.LOADS if each.name == name)
        row = f"| {name} | {tune.score(deployed, load).text()} |"
        assert row in shown("python -m bench.policy.tune")


def test_a_page_is_rewritten_between_its_marks_alone() -> None:
    page = "a\n<!-- python -m x: quick -->\nold\n<!-- end -->\nb\n<!-- python -m y -->\nold\n<!-- end -->\n"
    assert scaling_docs.rewritten(page, quick_only=True, run=str.upper) == page.replace("old", "PYTHON -M X", 1)
    assert scaling_docs.rewritten(page, quick_only=False, run=lambda _: "new") == page.replace("old", "new")


def test_every_command_is_one_that_exists() -> None:
    for command in QUICK + SLOW:
        module = Path(*shlex.split(command)[2].split("."))
        path = scaling_docs.ROOT / module
        assert (path / "__main__.py").exists() or path.with_suffix(".py").exists()


def test_the_line_that_measures_the_keep_alive_has_options_that_the_aws_cli_knows(tmp_path: Path) -> None:
    (block,) = re.findall(r"^```sh\n(queue=.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    script = Path(__file__).parent / "aws_cli.py"
    (tmp_path / "pulumi").write_text("#!/bin/sh\necho https://sqs.us-east-1.amazonaws.com/123456789012/jobs-0123456\n")
    (tmp_path / "aws").write_text(f'#!/bin/sh\nexec {sys.executable} {script} "$@"\n')
    for program in tmp_path.iterdir():
        program.chmod(0o755)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        environment = {
            **os.environ,
            "PATH": f"{tmp_path}:{os.environ['PATH']}",
            "AWS_ENDPOINT_URL": f"http://{host}:{port}",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_REGION": "us-east-1",
        }
        ran = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", block],
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    finally:
        server.stop()
    assert (ran.returncode, ran.stderr) == (0, "")
    assert json.loads(ran.stdout)["Datapoints"] == []
