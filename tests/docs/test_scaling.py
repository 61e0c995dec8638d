"""docs/scaling.md shows what its commands print."""

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from moto.server import ThreadedMotoServer

from bench.policy import objectives, tune
from ebb.forecast.baselines.catalog import BASELINES
from ebb.project import ROOT
from tests.helpers import programs
from tools import scaling_docs

PAGE = scaling_docs.PAGE.read_text(encoding="utf-8")
QUICK = [command for command, quick in scaling_docs.commands(PAGE) if quick]
SLOW = [command for command, quick in scaling_docs.commands(PAGE) if not quick]


def shown(command: str) -> str:
    """The page's output of a command."""
    pattern = r"\s+".join(map(re.escape, command.split(" ")))
    found = re.search(rf"<!-- {pattern}(?:: quick)? -->\n(.*?)\n<!-- end -->", PAGE, re.DOTALL)
    assert found
    return found[1]


@pytest.mark.parametrize("command", QUICK)
def test_the_page_has_the_present_output_of_a_quick_command(command: str) -> None:
    assert scaling_docs.printed(command) == shown(command)


@pytest.mark.parametrize("command", [each for each in SLOW if "--against" in each])
def test_a_slow_comparison_has_each_baseline(command: str) -> None:
    rows = [line.split(" ")[0] for line in shown(command).splitlines()]
    assert {baseline.name: rows.count(baseline.name) for baseline in BASELINES} == {
        baseline.name: 3 for baseline in BASELINES
    }


def test_the_objectives_table_has_present_figures_within_fifteen_per_cent() -> None:
    rows = [row.strip("| ").split(" | ") for row in shown("python -m bench.policy.objectives").splitlines()[2:]]
    found = list(objectives.objectives(100, 4, 4, tune.LOADS[:2]))
    assert [row[0] for row in rows] == [each.text for each in found]
    # the last limit is the cheapest baseline without a killed job: with few runs more of them have none
    assert [row[1] for row in rows[:-1]] == [each.limit for each in found[:-1]]
    for row, each in zip(rows, found, strict=True):
        assert float(row[2].split(" ")[0].lstrip("$")) == pytest.approx(each.value, rel=0.15), row


def test_every_objective_is_met_except_one_that_the_page_explains() -> None:
    rows = [row.strip("| ").split(" | ") for row in shown("python -m bench.policy.objectives").splitlines()[2:]]
    assert {row[0]: row[3] for row in rows if row[3] != "yes"} == {
        "scaling in a month of 60 jobs of 60 s in four hours a day with `direct`": "**no**"
    }
    assert "One objective is missed, by half a cent: a month of 60 jobs a day with `direct`." in PAGE


def test_the_tuning_tables_have_all_variants_and_loads() -> None:
    tables = shown("python -m bench.policy.tune").split("\n\n")
    variants: dict[str, list[str]] = {}
    for each in tune.variants():
        variants.setdefault(each.varied, []).append(each.name)
    assert [table.splitlines()[0] for table in tables] == [
        f"| {varied} | {' | '.join(names)} |" for varied, names in variants.items()
    ]
    for table in tables:
        assert [line.split(" | ")[0][2:] for line in table.splitlines()[2:-1]] == [load.name for load in tune.LOADS]


def test_a_cell_of_the_tuning_tables_has_the_present_figures() -> None:
    deployed = tune.Variant(varied="", name="")
    for name in ("one", "200 of 30 s", "a fifth fails"):
        load = next(each for each in tune.LOADS if each.name == name)
        row = f"| {name} | {tune.score(deployed, load).text()} |"
        assert row in shown("python -m bench.policy.tune")


def test_only_the_blocks_of_a_page_are_rewritten() -> None:
    page = "a\n<!-- python -m x: quick -->\nold\n<!-- end -->\nb\n<!-- python -m y -->\nold\n<!-- end -->\n"
    assert scaling_docs.rewritten(page, quick_only=True, run=str.upper) == page.replace("old", "PYTHON -M X", 1)
    assert scaling_docs.rewritten(page, quick_only=False, run=lambda _: "new") == page.replace("old", "new")


def test_every_command_exists() -> None:
    for command in QUICK + SLOW:
        program, *words = shlex.split(command)
        module = Path(program if program == "ebb" else words[1].replace(".", "/"))
        path = ROOT / module
        assert (path / "__main__.py").exists() or path.with_suffix(".py").exists()


def test_the_aws_cli_knows_the_options_that_measure_the_keep_alive(tmp_path: Path) -> None:
    (block,) = re.findall(r"^```sh\n(queue=.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    script = Path(__file__).parent / "aws_cli.py"
    (tmp_path / "pulumi").write_text("#!/bin/sh\necho https://sqs.us-east-1.amazonaws.com/123456789012/jobs-0123456\n")
    (tmp_path / "aws").write_text(programs.program(sys.executable, script))
    for file in tmp_path.iterdir():
        file.chmod(0o755)
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
