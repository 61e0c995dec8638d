"""The live page in a real browser, of a stack in memory: its layout, colours, keyboard, and what it does when asked."""

import os
from collections.abc import Iterator
from typing import Any

import pytest

from ebb.ops.jobs import Job, job
from ebb.ops.stack import Stack
from ebb.page.api import Api
from ebb.page.server import Server, serving
from ebb.page.source import StackSource
from tests.forecast.report.test_pages import NOTHING, OVERFLOW
from tests.helpers.browser import MISSING, Page, browser, command
from tests.helpers.waiting import until
from tests.page.contrast import CONTRAST
from tests.page.stub import StubSource

PROGRAM = command()
AWAY = "The credentials have expired: sign in again."
#: Fields and buttons without a name for a screen reader.
NAMELESS = """
[...document.querySelectorAll('input, textarea, button, progress, section, dialog')].filter(each =>
  !(each.labels?.length || each.textContent.trim() || each.ariaLabel || each.getAttribute('aria-labelledby')))
  .map(each => each.outerHTML)
"""
FOCUS = "document.activeElement.id || document.activeElement.textContent"
VISIBLE_FOCUS = (
    "getComputedStyle(document.activeElement).outlineStyle + getComputedStyle(document.activeElement).outlineWidth"
)


def text(element: str) -> str:
    return f"document.getElementById({element!r}).textContent"


@pytest.fixture(scope="module")
def tab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    if PROGRAM is None:
        if os.environ.get("CI"):
            pytest.fail(MISSING)
        pytest.skip(MISSING)
    with browser(PROGRAM, tmp_path_factory.mktemp("profile")) as opened:
        yield opened


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with serving(Api(StubSource())) as running:
        yield running


@pytest.fixture
def source(server: Server) -> Any:
    """The stack as it was, with no call written down."""
    source: Any = server.api._source
    source.__init__()
    return source


@pytest.fixture
def page(tab: Page, server: Server, source: StubSource) -> Page:
    """The page at 1280 px, after its first look at the stack."""
    tab.show(1280)
    tab.requested.clear()
    tab.open("about:blank")
    tab.open(server.address)
    tab.wait(f"{text('waiting')} == '12'")
    return tab


def test_nothing_is_cut_off_on_a_phone_and_a_desktop_screen(page: Page) -> None:
    page.evaluate("document.getElementById('look').click()")
    page.wait("document.querySelectorAll('#letter-list li').length == 2")
    page.evaluate("document.querySelector('#job-rows button').click()")
    page.wait("document.getElementById('story').open")
    found = {}
    for width in (390, 1280):
        page.show(width)
        found[width] = page.evaluate(OVERFLOW)
    assert found == dict.fromkeys(found, NOTHING)


def test_text_has_contrast_in_light_and_dark(page: Page) -> None:
    page.evaluate("document.getElementById('look').click()")
    page.wait("document.querySelectorAll('#letter-list li').length == 2")
    papers = set()
    for dark in (False, True):
        page.show(1280, dark=dark)
        assert page.evaluate(CONTRAST) >= 4.5
        papers.add(page.evaluate("getComputedStyle(document.body).backgroundColor"))
    assert len(papers) == 2


def test_the_picture_shows_what_the_stack_does(page: Page) -> None:
    shown = page.evaluate("document.getElementById('picture').innerText").split("\n")
    said = [line for line in shown if line]
    assert said == [
        *("Clients", "0", "jobs in the last minute", "API", "POST", "/jobs"),
        *("Queue", "12", "waiting, 3 in flight, 1 delayed, oldest 75 s", "Dead letters", "2", "failed too often"),
        *("Tasks", "3", "running of 4 desired", "Auto Scaling", "0 to 8", "tasks; the mute rule night can stop it"),
        *("Alarms", "scaling-out: ALARM", "oldest: ALARM, see docs/runbook.md#oldest", "scaling-zero: OK"),
        *("Job table", "0", "succeeded, 0 failed of the newest 1"),
    ]
    assert page.evaluate("document.querySelectorAll('#slots span').length") == 8
    assert "every 0.2 seconds" in page.evaluate(text("cost"))
    assert "210 requests to the sandbox. This month the stack has cost $1.50 so far" in page.evaluate(text("cost"))


def test_no_request_leaves_and_no_text_becomes_html(page: Page, server: Server, source: StubSource) -> None:
    page.evaluate("document.getElementById('look').click()")
    page.wait("document.querySelectorAll('#letter-list li').length == 2")
    assert "RuntimeError: <b>no</b>" in page.evaluate(text("letter-list"))
    page.evaluate("document.addEventListener('securitypolicyviolation', each => { window.refused = each.blockedURI; })")
    page.evaluate("fetch('https://example.com/').catch(() => 0)")
    page.wait("window.refused == 'https://example.com/'")
    own = f"http://127.0.0.1:{server.server_port}/"
    left = [url for url in page.requested if not url.startswith(own)]
    assert set(left) <= {"about:blank", "https://example.com/"}, "the second one was refused by the policy"
    assert len(page.requested) > 8
    assert not any(server.token in url for url in page.requested), "the token is in no request's address"


def test_the_keyboard_reaches_everything_and_the_focus_is_seen(page: Page) -> None:
    page.evaluate("document.getElementById('look').click()")
    page.wait("document.querySelectorAll('#letter-list li').length == 2")
    reached = list[str]()
    page.press("Tab")
    while page.evaluate("document.activeElement != document.body"):
        assert page.evaluate(VISIBLE_FOCUS) == "solid3px", reached[-1:]
        reached.append(page.evaluate(FOCUS))
        page.press("Tab")
    for wanted in ("wanted", "Search", "job-1", "body", "reference", "Send", "rate", "look", "all", "letter-m1"):
        assert wanted in reached
    assert page.evaluate(NAMELESS) == []


def test_a_job_is_sent_by_the_keyboard_alone(page: Page, source: StubSource) -> None:
    page.type("body", '{"text": "<i>"}')
    page.type("reference", "order-7")
    page.press("Enter", "\r")
    page.wait(f"{text('sent')} == 'Sent: job job-2'")
    assert ("send", '{"text": "<i>"}', "order-7") in source.calls


def test_a_search_opens_the_story_and_escape_closes_it(page: Page) -> None:
    page.type("wanted", "order-1")
    page.press("Enter", "\r")
    page.wait("document.getElementById('story').open")
    assert page.evaluate(text("steps")).endswith("table: The job was accepted.")
    page.press("Escape")
    page.wait("!document.getElementById('story').open")
    page.type("wanted", "order-2")
    page.press("Enter", "\r")
    page.wait(f"{text('jobs-say')} == 'There is no job with this id or reference.'")


def test_the_focus_stays_on_a_job_while_the_list_changes(page: Page, source: StubSource) -> None:
    page.evaluate("document.querySelector('#job-rows button').focus()")
    assert source.jobs
    source.jobs = [{"id": "job-9", "state": "queued", "created": 1.0}, *source.jobs]
    page.wait("document.querySelectorAll('#job-rows tr').length == 2")
    assert page.evaluate(FOCUS) == "job-1"


def test_dead_letters_go_back_after_a_confirmation_only(page: Page, source: StubSource) -> None:
    page.evaluate("document.getElementById('look').click()")
    page.wait("document.querySelectorAll('#letter-list li').length == 2")
    page.evaluate("document.getElementById('letter-m2').click(); document.getElementById('chosen').click()")
    page.wait("document.getElementById('sure').open")
    assert page.evaluate(text("sure-says")) == "1 message goes back to the queue, and the jobs run again."
    page.press("Escape")
    page.wait("!document.getElementById('sure').open")
    for element, number in (("chosen", "1 message"), ("all", "2 messages")):
        page.evaluate(f"document.getElementById({element!r}).click()")
        page.wait("document.getElementById('sure').open")
        page.evaluate("document.querySelector('#sure .strong').click()")
        page.wait(f"{text('letters-say')} == '{number} moved back to the queue'")
    assert [call for call in source.calls if call[0] == "redrive"] == [("redrive", ["m2"]), ("redrive", None)]


def test_a_stack_that_is_away_is_one_sentence_and_the_page_recovers(page: Page, source: StubSource) -> None:
    source.away = AWAY
    page.wait(f"{text('problem')} == {AWAY!r} && document.getElementById('problem').checkVisibility()")
    assert page.evaluate(text("waiting")) == "12", "what was seen last stays"
    source.away = ""
    page.wait("!document.getElementById('problem').checkVisibility()")


def test_an_address_without_its_key_says_so(page: Page, server: Server) -> None:
    page.open("about:blank")
    page.open(server.address.partition("#")[0])
    page.wait(f"{text('problem')}.startsWith('Open the whole address')")


def test_jobs_move_unless_the_user_wants_less_motion(page: Page, source: StubSource) -> None:
    dots = """
      window.dots = 0;
      new MutationObserver(seen => seen.forEach(each => window.dots += each.addedNodes.length))
        .observe(document.getElementById('picture'), {childList: true});
    """
    for calm in (False, True):
        page.show(1280, calm=calm)
        page.evaluate(dots)
        job = {"id": f"new-{calm}", "state": "queued", "created": page.evaluate("Date.now()") / 1000}
        source.jobs = [job]
        page.wait(f"document.querySelector('#job-rows tr').dataset.id == 'new-{calm}'")
        page.evaluate("new Promise(done => setTimeout(done, 600))")
        page.wait("true" if calm else "window.dots > 0")
        assert (page.evaluate("window.dots") > 0) is not calm


def test_a_hidden_tab_asks_nothing(page: Page, source: StubSource) -> None:
    page.evaluate("""
      Object.defineProperty(document, 'hidden', {get: () => window.away, configurable: true});
      window.away = true; document.dispatchEvent(new Event('visibilitychange'));
    """)
    quiet = len(source.calls)
    until(lambda: page.evaluate("new Promise(done => setTimeout(() => done(true), 500))"))
    assert len(source.calls) <= quiet + 1, "at most the look that was under way"
    page.evaluate("window.away = false; document.dispatchEvent(new Event('visibilitychange'))")
    until(lambda: len(source.calls) > quiet + 2)


# a sandbox


def cell(job: str) -> str:
    """The state of a job in the list."""
    return f"document.querySelector(`tr[data-id='{job}'] .state`)?"


def kept(stack: Stack, job_id: str) -> Job:
    found = job(stack, job_id)
    assert found is not None
    return found


def press_until(page: Page, key: str, condition: str) -> None:
    for _ in range(30):
        if page.evaluate(condition):
            return
        page.press(key)
    raise AssertionError(condition)


def test_a_job_runs_to_its_end_its_story_is_found_and_a_dead_letter_runs_again(tab: Page, stack: Stack) -> None:
    with serving(Api(StackSource(stack.name))) as server:
        tab.show(1280)
        tab.open("about:blank")
        tab.open(server.address)
        tab.wait(f"{text('range')} == '0 to 4'")
        assert tab.evaluate("document.getElementById('body').value") == '{"sleep": 5}', "what the demo's handler takes"
        tab.type("body", '{"sleep": 0.1, "result": {"frames": 7}}')
        tab.type("reference", "page-1")
        tab.press("Enter", "\r")
        tab.wait(f"{text('sent')}.startsWith('Sent: job ')")
        sent = tab.evaluate(text("sent")).removeprefix("Sent: job ")
        tab.wait(f"{cell(sent)}.textContent == 'succeeded'")

        tab.type("wanted", "page-1")
        tab.press("Enter", "\r")
        tab.wait("document.getElementById('story').open")
        assert tab.evaluate(text("story-title")) == f"Job {sent}"
        assert '{"frames":7}' in tab.evaluate(text("facts"))
        assert tab.evaluate("document.querySelectorAll('#steps li').length") >= 3
        tab.press("Escape")

        tab.type("body", '{"reject": "no video"}')
        tab.evaluate("document.querySelector('#send button').click()")
        tab.wait(f"{text('dead-count')} == '1'")
        bad = tab.evaluate(text("sent")).removeprefix("Sent: job ")
        tab.evaluate("document.getElementById('look').click()")
        tab.wait(f"{text('letter-list')}.includes({bad!r})")
        ended = kept(stack, bad).finished
        tab.evaluate("document.querySelector('#letter-list input').click(); document.getElementById('chosen').click()")
        tab.evaluate("document.querySelector('#sure .strong').click()")
        tab.wait(f"{text('letters-say')} == '1 message moved back to the queue'")
        until(lambda: (kept(stack, bad).finished or 0) > (ended or 0))


def test_the_slider_makes_a_load_and_zero_ends_it(tab: Page, stack: Stack) -> None:
    with serving(Api(StackSource(stack.name))) as server:
        tab.open("about:blank")
        tab.open(server.address)
        tab.wait(f"{text('range')} == '0 to 4'")
        tab.type("body", '{"load": true}')
        tab.evaluate("document.getElementById('rate').focus()")
        press_until(tab, "End", f"{text('rate-says')} == '120'")
        tab.wait(f"parseInt({text('load-says')}) >= 3")
        tab.wait("document.querySelectorAll('#job-rows tr').length >= 3")
        press_until(tab, "Home", f"{text('rate-says')} == '0'")
        load = server.api.load
        until(lambda: load is not None and load.state()["jobs_a_minute"] == 0)
