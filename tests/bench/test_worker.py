"""The worker's bench: its arithmetic, what it reads of processes, and one small run."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.worker import contestants, measure, processes, report
from bench.worker.contestants import Kind
from bench.worker.emulator import emulator
from bench.worker.processes import Stat
from bench.worker.report import Figures, Mark, Rest
from tests.helpers.waiting import until

PROJECT = Path(__file__).parents[2]
LIMIT = 180.0


def test_waves_count_together_and_what_lies_between_them_does_not() -> None:
    waves = [
        (Mark(10.0, 900, 1.0, 5.0), Mark(10.5, 100, 1.4, 5.1)),
        (Mark(99.0, 900, 9.0, 7.0), Mark(100.5, 700, 9.1, 7.4)),
    ]
    figures = report.figures(waves)
    assert [figures.pace, figures.cpu, figures.emulator] == pytest.approx([500, 0.5, 0.5])


def test_a_ratio_is_to_the_base_of_the_same_round() -> None:
    runs, base = [[Figures(pace, 0, 0) for pace in paces] for paces in ((300, 100), (400, 50))]
    assert report.ratios(runs, base) == [0.75, 2.0]


def test_a_spread_is_the_median_with_least_and_most() -> None:
    assert report.spread([3000.4, 1000, 2000], 0) == "2,000 (1,000 to 3,000)"


def test_one_value_has_no_spread() -> None:
    assert report.spread([0.256], 2) == "0.26"


def test_the_pace_table_compares_with_its_first_row() -> None:
    runs = {"raw": [Figures(2000, 0.2, 0.1)], "other": [Figures(500, 0.8, 0.4)]}
    assert report.pace_table("empty", runs).splitlines() == [
        "| empty | messages/s | to raw | CPU ms/message | emulator's CPU ms/message |",
        "|---|---|---|---|---|",
        "| raw | 2,000 | 1.00 | 0.20 | 0.10 |",
        "| other | 500 | 0.25 | 0.80 | 0.40 |",
    ]


def test_the_table_at_rest_is_in_per_cent_of_a_core() -> None:
    row = report.rest_table({"one": Rest(0.0123, 45.4, 17.2, 2)}).splitlines()[-1]
    assert row == "| one | 1.23 | 45 | 17 | 2 |"


def test_a_stat_line_is_read_whatever_the_command_is_called() -> None:
    fields = ["S", "7", *["0"] * 9, "100", "20", "3", "4", *["0"] * 6, "256", "0"]
    stat = Stat.parse(f"42 (a) b (c) {' '.join(fields)}")
    ticks, page = os.sysconf("SC_CLK_TCK"), os.sysconf("SC_PAGE_SIZE")
    assert stat == Stat(42, 7, "S", 127 / ticks, 256 * page / 2**20)


@pytest.fixture
def family() -> Iterator["subprocess.Popen[str]"]:
    """A process with a child; the child's id is its first line."""
    code = "import subprocess; print(subprocess.Popen(['sleep', '60']).pid, flush=True); input()"
    argv = [sys.executable, "-c", code]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield process
        processes.end(process.pid)


def test_a_tree_has_a_process_and_what_it_started(family: "subprocess.Popen[str]") -> None:
    assert family.stdout
    child = int(family.stdout.readline())
    assert [stat.pid for stat in processes.tree(family.pid)] == [family.pid, child]


def test_cpu_time_of_a_child_that_has_ended_still_counts() -> None:
    burn = "import time\nwhile time.process_time() < 0.3: pass"
    code = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {burn!r}]); print(flush=True); input()"
    argv = [sys.executable, "-c", code]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        process.stdout.readline()
        assert len(processes.tree(process.pid)) == 1
        assert processes.cpu(process.pid) >= 0.25
        processes.end(process.pid)


def test_a_frozen_tree_stands_still_and_goes_on(family: "subprocess.Popen[str]") -> None:
    assert family.stdout
    family.stdout.readline()
    processes.freeze(family.pid)
    assert {stat.state for stat in processes.tree(family.pid)} == {"T"}
    processes.thaw(family.pid)
    limit = time.monotonic() + LIMIT
    while any(stat.state == "T" for stat in processes.tree(family.pid)):
        assert time.monotonic() < limit


def test_a_frozen_tree_is_ended_with_all_that_it_started(family: "subprocess.Popen[str]") -> None:
    assert family.stdout
    child = int(family.stdout.readline())
    processes.freeze(family.pid)
    processes.end(family.pid)
    assert family.wait(LIMIT) == -signal.SIGTERM
    assert not _lives(child)


def test_the_worker_and_the_raw_loop_are_measured_working_and_at_rest() -> None:
    raw, ebb = contestants.ALL[0], contestants.ebb(2)
    assert raw.kind is Kind.RAW
    with emulator() as sqs:
        for contestant in (raw, ebb):
            figures = measure.paced(contestant, sqs, 0.0, measure.Load(messages=300, waves=2, seconds=5))
            assert figures.pace > 10
            assert figures.cpu > 0
            assert figures.emulator > 0
        rests = measure.at_rest([raw, ebb], sqs, 1.0)
        assert [rest.processes for rest in rests] == [1, 3]
        assert sqs.client.list_queues().get("QueueUrls", []) == []


def test_what_does_not_consume_is_named_with_its_last_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measure, "LIMIT", 2.0)
    broken = contestants.Contestant(
        name="broken", kind=Kind.PEER, argv=(sys.executable, "-c", "raise SystemExit('no such luck')")
    )
    with emulator() as sqs, pytest.raises(measure.BenchError, match=r"broken: .*\n.*no such luck"):
        measure.paced(broken, sqs, 0.0, measure.Load(messages=10, waves=1, seconds=1))


def test_ctrl_c_ends_the_bench_and_all_that_it_started() -> None:
    argv = [sys.executable, "-m", "bench.worker", "--only", "EBB_CONCURRENCY=1", "--rounds", "1"]
    with subprocess.Popen(argv, cwd=PROJECT, stderr=subprocess.DEVNULL) as bench:
        limit = time.monotonic() + LIMIT
        while len(pids := [stat.pid for stat in processes.tree(bench.pid)]) < 3:  # the emulator and a contestant
            assert time.monotonic() < limit
            time.sleep(0.02)
        bench.send_signal(signal.SIGINT)
        assert bench.wait(LIMIT) == 130
    until(lambda: not any(map(_lives, pids)))  # the kernel may need a moment after SIGKILL


def _lives(pid: int) -> bool:
    try:
        return Stat.parse(Path(f"/proc/{pid}/stat").read_text()).state != "Z"
    except OSError:
        return False
