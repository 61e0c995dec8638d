import io
import json
import math
import re
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from ebb.forecast.load.workloads import load
from ebb.forecast.model.outcome import Outcome
from ebb.forecast.report import formatting, html_report, json_report, plots, terminal
from ebb.forecast.results.findings import Finding, Report
from ebb.forecast.results.monte_carlo import Estimate, forecast
from ebb.forecast.results.static_checks import Problem
from ebb.scaling.alarms import AlarmChange, State
from tests.forecast.examples import BILL, outcome, stack

NONE_OF = ("killed", "give_backs", "failed", "dead", "left", "refused")
PROBLEM = Problem("long-period", "Alarm <out> is slow: use 60 s.")


def finding(first: Outcome | None = None, **baseline: Any) -> Finding:
    made = first or outcome()
    found = forecast(stack(), load("burst:2", "30s"), lambda _: made, runs=3, seed=1)
    return Finding(forecast=replace(found, bill=BILL), problems=(PROBLEM,), **baseline)


def printed(own: Finding, *peers: Finding, width: int = 160) -> str:
    console = Console(file=io.StringIO(), width=width)
    terminal.show(console, Report(own=own, baselines=peers))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.4, "0 s"),
        (143.2, "143 s"),
        (599.4, "599 s"),
        (600, "10.0 min"),
        (7200, "2.0 h"),
        (172_800, "2.0 d"),
        (math.inf, "never"),
    ],
)
def test_seconds_are_written_in_a_suitable_unit(value: float, text: str) -> None:
    assert formatting.seconds(value) == text


@pytest.mark.parametrize(
    ("low", "value", "high", "text"),
    [
        (143, 143, 143, "143 s"),
        (138, 143, 150, "143 s (138 to 150)"),
        (580, 590, 660, "590 s (580 s to 11.0 min)"),
        (143, 143, math.inf, "143 s (143 s to never)"),
        (math.inf, math.inf, math.inf, "never"),
    ],
)
def test_an_interval_in_one_unit_has_the_unit_once(low: float, value: float, high: float, text: str) -> None:
    assert formatting.interval(Estimate(value=value, low=low, high=high)) == text


@pytest.mark.parametrize(
    ("value", "text"), [(0, "$0.00"), (0.00029, "$0.00029"), (0.5, "$0.50"), (1234.5, "$1,234.50")]
)
def test_a_price_below_a_cent_has_two_digits(value: float, text: str) -> None:
    assert formatting.dollars(value) == text


DOLLARS = ["dollars_per_month", "dollars_per_million_sent"]


def test_the_report_has_every_figure_cost_and_problem() -> None:
    text = printed(finding())
    rows = {re.split(r"  +", line.strip())[0]: re.split(r"  +", line.strip())[1:] for line in text.splitlines()}
    assert rows["wake-up: idle to first started"] == ["140 s", "140 s"]
    assert rows["latency: sent to done"] == ["170 s", "200 s"]
    assert rows["drain: first sent to last end"] == ["200 s", "200 s"]
    assert rows["task-hours"] == ["0.12"]
    assert rows["jobs killed"] == ["0"]
    assert rows["jobs given back"] == ["0"]
    assert rows["US dollars a month"] == ["idle", "at this load, every 24 h"]
    assert rows["Fargate"] == ["-", "$1.50"]
    assert rows["total"] == ["$0.50", "$2.00"]
    assert rows["long-period: Alarm <out> is slow: use 60 s."] == []


def test_a_terminal_of_80_columns_truncates_nothing() -> None:
    wide = {
        "task_seconds": 3.6e6,
        "killed": 1000,
        "give_backs": 1000,
        "waits": (6000.0,) * 2,
        "latencies": (6000.0,) * 2,
    }
    assert "…" not in printed(finding(outcome(**wide)), finding(outcome(**wide), title="A", source="b"), width=80)


def test_the_comparison_has_a_row_and_a_legend_for_each_baseline() -> None:
    text = printed(finding(), finding(title="Public design", source="nbtl.blog"))
    assert "Public design (nbtl.blog); long-period" in text
    assert len(re.findall(r"^dev +140 s +140 s +170 s +200 s +200 s", text, re.MULTILINE)) == 2
    assert len(re.findall(r"^dev +0.12 +0 +0 +0 +0 +\$0.50 +\$2.00", text, re.MULTILINE)) == 2


@pytest.mark.parametrize(("runs", "cautious"), [(1, True), (19, True), (20, False)])
def test_a_few_runs_say_that_their_p95_says_little(runs: int, cautious: bool) -> None:
    found = forecast(stack(), load("burst:2", "30s"), lambda _: outcome(), runs=runs, seed=1)
    assert formatting.few_runs(found) == "p95 says little with fewer than 20 runs: use --runs 20." * cautious


def test_the_json_document_has_the_documented_shape() -> None:
    made = json_report.document(Report(own=finding(), baselines=(finding(title="Public design", source="nbtl.blog"),)))
    assert json.loads(json.dumps(made, allow_nan=False)) == made
    assert list(made) == [
        "load",
        "runs",
        "seed",
        "stack",
        "against",
        "vs",
        "scale",
        "sensitivity",
        "no_effect",
        "budgets",
        "calibration",
    ]
    assert (made["load"], made["runs"], made["seed"]) == ("burst:2 of 30s", 3, 1)
    estimate = {"value": 140.0, "low": 140.0, "high": 140.0}
    stack_ = made["stack"]
    assert list(stack_) == ["name", "title", "source", "seconds", "per_run", *DOLLARS, "lints"]
    assert list(stack_["seconds"]) == ["wake", "wait", "latency", "drain"]
    assert stack_["seconds"]["wake"] == {"p50": estimate, "p95": estimate}
    assert stack_["per_run"] == {
        "sent": 2.0,
        "done": 2.0,
        "task_hours": dict.fromkeys(("value", "low", "high"), pytest.approx(440 / 3600)),
        **{
            name: {"value": value, "low": value, "high": value}
            for name, value in {"launches": 1, **dict.fromkeys(NONE_OF, 0)}.items()
        },
    }
    assert stack_["dollars_per_month"]["load_parts"][1] == {"name": "Fargate", "dollars": 1.5, "source": "<aws>"}
    assert (stack_["dollars_per_month"]["idle"], stack_["dollars_per_month"]["load"]) == (0.5, 2.0)
    assert stack_["lints"] == [{"code": "long-period", "text": "Alarm <out> is slow: use 60 s."}]
    assert [(each["title"], each["source"]) for each in made["against"]] == [("Public design", "nbtl.blog")]


def test_an_infinite_time_is_null_in_the_document() -> None:
    never = outcome(waits=(), latencies=(), wakes=(), drain=None, done=0, left=2)
    made = json_report.document(Report(own=finding(never)))
    assert made["stack"]["seconds"]["wake"]["p50"] == {"value": None, "low": None, "high": None}
    json.dumps(made, allow_nan=False)


class Page(HTMLParser):
    """The links, ids and text of a page. It asserts that each element is closed."""

    VOID = frozenset({"meta", "br", "path", "use", "rect", "circle", "line"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.ids: list[str] = []
        self.text: list[str] = []
        self.tags: list[str] = []
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.ids += [str(value) for name, value in attrs if name == "id"]
        self.links += [str(value) for name, value in attrs if name in ("src", "href", "xlink:href", "data", "action")]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in self.VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def test_the_page_is_self_contained_and_well_formed() -> None:
    text = html_report.page(Report(own=finding(), baselines=(finding(title="A", source="b"),)), command="ebb forecast")
    read = Page(text)
    assert read.open == []
    assert all(link.startswith("#") for link in read.links)
    assert not {"script", "link", "img", "iframe", "image"} & set(read.tags)
    assert "@import" not in text
    assert not re.search(r"url\((?!#)", text)
    assert {link.removeprefix("#") for link in read.links} <= set(read.ids)
    assert sorted(set(read.ids)) == sorted(read.ids)


def test_the_page_has_styles_for_phones_and_for_paper() -> None:
    text = html_report.page(Report(own=finding()))
    assert '<meta name="viewport" content="width=device-width, initial-scale=1">' in text
    assert "@media print" in text
    assert text.count("<table") == text.count('<div class="table"><table')


def test_the_page_shows_five_plots_and_every_table() -> None:
    read = Page(
        html_report.page(Report(own=finding(), baselines=(finding(title="A <b>", source="b"),)), command="ebb forecast")
    )
    shown = "".join(read.text)
    assert read.tags.count("svg") == 5
    for expected in (
        "Messages in the queue",
        "Tasks",
        "States of the alarms",
        "Waits of the jobs",
        "Parts of the bill",
        "Alarm <out> is slow: use 60 s.",
        "dev: A <b>",
        "0 → 1",
        "ebb forecast",
    ):
        assert expected in shown


def test_the_same_forecast_gives_the_same_page() -> None:
    assert html_report.page(Report(own=finding())) == html_report.page(Report(own=finding()))


def test_killed_jobs_are_highlighted() -> None:
    assert "<li class=bad><b>2</b>jobs killed</li>" in html_report.page(Report(own=finding(outcome(killed=2))))


def test_a_load_without_jobs_has_a_page_without_times() -> None:
    nothing = outcome(sent=0, done=0, waits=(), latencies=(), wakes=(), drain=0.0, alarms=(), activities=())
    shown = "".join(Page(html_report.page(Report(own=finding(nothing)))).text)
    assert "wake-up" not in shown
    assert "a month idle" in shown


def test_a_long_line_is_drawn_as_its_range_and_its_mean_over_time() -> None:
    times, values = np.array([0.0, 10.0, 30.0, 90.0]), np.array([1.0, 5.0, 2.0, 0.0])
    low, high, mean = plots.parts(times, values, np.array([0.0, 20.0, 40.0, 100.0]))
    assert low.tolist() == [1, 2, 0]
    assert high.tolist() == [5, 5, 2]
    assert mean.tolist() == [3, 3.5, pytest.approx(5 / 3)]


def test_alarms_have_the_order_of_the_rules() -> None:
    changes = tuple(
        AlarmChange(time=at, alarm=name, before=State.OK, state=State.ALARM, reason="")
        for at, name in ((10.0, "zero"), (20.0, "out"))
    )
    drawn = plots.alarms(outcome(alarms=changes), ["out", "zero", "surplus"])
    assert drawn.index(">out<") < drawn.index(">zero<")
    assert ">surplus<" not in drawn
