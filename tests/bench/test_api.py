"""The API's bench: its arithmetic, and one small run."""

import pytest
from typer.testing import CliRunner

from bench import api
from bench.api import Figures


def test_each_accepted_job_must_be_in_the_queue_exactly_once() -> None:
    api.check(["a", "b"], ["b", "a"], "POST /jobs")
    with pytest.raises(api.BenchError, match=r"^POST /jobs: of 3 jobs 2 are not in the queue, 1 too often\.$"):
        api.check(["a", "b", "c"], ["a", "a"], "POST /jobs")


def test_a_percentile_is_the_least_value_that_so_many_do_not_exceed() -> None:
    values = [float(value) for value in range(1, 201)]
    assert [api.percentile(values, percent) for percent in (50, 99)] == [100, 198]
    assert api.percentile([7.0], 99) == 7


def test_the_table_has_a_row_for_each_way_and_number_of_clients() -> None:
    figures = Figures(pace=1234.4, p50=0.0021, p99=1.5)
    assert api.table_lines({16: {"POST /jobs": figures}})[2:] == ["| 16 | POST /jobs | 1,234 | 2.1 | 1,500.0 |"]


def test_a_small_run_finds_each_job_of_the_api_in_the_queue() -> None:
    ((clients, ways),) = api.measure(table=True, clients=[2], requests=4).items()
    assert clients == 2
    assert list(ways) == ["POST /jobs, job table"]
    assert ways["POST /jobs, job table"].pace > 0


def test_the_bench_has_options() -> None:
    assert "--requests" in CliRunner().invoke(api.app, ["--help"], color=False).output
    assert CliRunner().invoke(api.app, ["--requests", "0"]).exit_code == 2
