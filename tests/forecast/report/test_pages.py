"""The pages in a real browser: nothing is cut off, on a phone, a desktop screen and paper, light and dark.

It needs Chromium or Chrome on PATH. Without it the test is left out and says so, except in CI, where it fails.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ebb import project
from ebb.forecast.baselines.catalog import BASELINES
from ebb.forecast.load.workloads import load
from ebb.forecast.pipeline import Wanted, report
from ebb.forecast.report import advice_page, html_report
from ebb.forecast.run import Request
from tests.forecast.advise import test_search
from tests.helpers import stacks
from tests.helpers.browser import MISSING, Page, browser, command

pytestmark = pytest.mark.slow
PROGRAM = command()
#: Elements that are wider than the page, outside of tables that scroll; and text that is wider than its box.
OVERFLOW = """
(() => {
  const wide = document.documentElement.clientWidth;
  const scrolls = each => each.closest('.table') && getComputedStyle(each.closest('.table')).overflowX == 'auto';
  const name = each => `${each.tagName}.${each.getAttribute('class')} "${each.textContent.trim().slice(0, 40)}"`;
  const all = [...document.body.querySelectorAll('*:not(svg *)')];
  const outside = all.filter(each => each.getBoundingClientRect().right > wide + 1 && !scrolls(each));
  const cut = all.filter(each => each.scrollWidth > each.clientWidth + 1 && each.clientWidth && !scrolls(each));
  return {
    page: document.documentElement.scrollWidth - wide,
    outside: outside.map(name), cut: cut.map(name),
    small: all.filter(each => parseFloat(getComputedStyle(each).fontSize) < 8).map(name),
  };
})()
"""
NOTHING = {"page": 0, "outside": [], "cut": [], "small": []}
#: The contrast of text and background, by WCAG 2.
CONTRAST = """
(() => {
  const light = colour => {
    const part = value => value <= 10 ? value / 255 / 12.92 : ((value / 255 + 0.055) / 1.055) ** 2.4;
    const [red, green, blue] = colour.match(/[\\d.]+/g).map(Number);
    return 0.2126 * part(red) + 0.7152 * part(green) + 0.0722 * part(blue);
  };
  const of = (text, behind) => {
    const [a, b] = [light(text), light(behind)].sort((a, b) => b - a);
    return (a + 0.05) / (b + 0.05);
  };
  const paper = getComputedStyle(document.body).backgroundColor;
  const texts = [...document.querySelectorAll('h1, p, th, td, dd, figcaption, .source, .bad b')];
  const plots = [...document.querySelectorAll('svg text')];
  return Math.min(...texts.map(each => of(getComputedStyle(each).color, paper)),
    ...plots.map(each => of(getComputedStyle(each).fill, paper)));
})()
"""


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A forecast with everything that a page can have, and advice."""
    folder = tmp_path_factory.mktemp("pages")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(project, "ROOT", stacks.FOLDER)
        request = Request(stack="dev", load=load("burst:10", "30s", failing=0.5), runs=10, against=True)
        wanted = Wanted(versus=("scaling.watch=true",), scales=True, sensitivity=True)
        patch.setattr("ebb.forecast.compare.scale.TIMES", (1, 10))
        patch.setattr("ebb.forecast.run.BASELINES", BASELINES[:2])
        patch.setattr("ebb.forecast.compare.sensitivity.assumed", lambda _: ("publish", "starts"))
        forecast = html_report.page(
            report(request, wanted, test_search.silent), command="ebb forecast " + "--set a " * 30
        )
        advice = advice_page.page(test_search.answered(test_search.QUESTION), command="ebb advise")
    for name, text in (("forecast.html", forecast), ("advice.html", advice)):
        (folder / name).write_text(text, encoding="utf-8")
    return folder / "forecast.html", folder / "advice.html"


@pytest.fixture(scope="module")
def tab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    if PROGRAM is None:
        if os.environ.get("CI"):
            pytest.fail(MISSING)
        pytest.skip(MISSING)
    with browser(PROGRAM, tmp_path_factory.mktemp("profile")) as opened:
        yield opened


def test_no_page_is_cut_off_on_a_phone_a_desktop_screen_and_paper(tab: Page, pages: tuple[Path, Path]) -> None:
    found: dict[str, Any] = {}
    for page in pages:
        tab.open(page)
        for width, paper in ((390, False), (1280, False), (680, True)):  # 680 px: A4 without its margins
            tab.show(width, paper=paper)
            found[f"{page.stem} {width}"] = tab.evaluate(OVERFLOW)
    assert found == dict.fromkeys(found, NOTHING)


def test_text_and_plots_have_contrast_in_light_and_dark_and_paper_is_light(tab: Page, pages: tuple[Path, Path]) -> None:
    for page in pages:
        tab.open(page)
        for dark in (False, True):
            tab.show(1280, dark=dark)
            assert tab.evaluate(CONTRAST) >= 4.5
        tab.show(680, dark=True, paper=True)
        assert tab.evaluate("getComputedStyle(document.body).color") == "rgb(26, 26, 26)"


def test_a_printed_forecast_has_few_pages(tab: Page, pages: tuple[Path, Path]) -> None:
    tab.open(pages[0])
    assert tab.paper().count(b"/Type /Page\n") <= 6
