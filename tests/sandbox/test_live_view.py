"""`sandbox up`: how to send a job, what the user's own code says, and the state below it."""

import io
from pathlib import Path

import pytest
from rich.console import Console

from ebb.project import ROOT
from ebb.sandbox.emulators.images import Image
from ebb.sandbox.live_view import View, how_to
from ebb.sandbox.log_follower import Sample
from ebb.sandbox.sandbox import Sandbox
from tests.helpers.waiting import until

HANDLER = """
import logging, time

def handle(job):
    if "wait" in job.json():
        time.sleep(600)
    print("printed by", job.body)
    logging.getLogger("mine").warning("logged by %s", job.body)
    raise KeyError("why")
"""


class Screen:
    """A view of a sandbox, and what it has printed."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._file = io.StringIO()
        self.console = Console(file=self._file, width=160, soft_wrap=True)
        self.view = View(self.console, sandbox)

    @property
    def text(self) -> str:
        self.view.lines()
        return self._file.getvalue()


def sandbox(folder: Path, handler: str) -> Sandbox:
    """A sandbox whose tasks run the worker of this checkout, with a handler in this folder."""
    image = Image(ROOT, ["python", "-m", "worker"], packages=folder)
    overrides = {
        "ebb:worker": {"handler": handler, "start_timeout": 10, "check": False},
        "ebb:queue": {"max_receive_count": 1},
        "ebb:scaling": {"max_tasks": 1},
    }
    return Sandbox(in_process=True, overrides=overrides, image=image, say=lambda _: None)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "mine.py").write_text(HANDLER)
    (tmp_path / "broken.py").write_text("def load():\n    import no_such_thing\nload()\n")
    return tmp_path


def test_the_log_of_a_job_and_its_verdict_are_on_the_screen(folder: Path) -> None:
    with sandbox(folder, "mine:handle") as region:
        region.deployment.up()
        screen = Screen(region)
        name = region.client().post({"n": 1})[:8]
        text = until(lambda: screen.text if f"job {name} failed" in screen.text else None)
        assert ' | printed by {"n": 1}' in text
        assert f'job {name} | WARNING: logged by {{"n": 1}}' in text
        assert f"job {name} started, attempt 1" in text
        assert "KeyError: 'why'\n" in text
        assert "    Traceback (most recent call last):\n" in text
        assert "desired 0 -> 1" in text, "the scaling activity"
        assert "-> ALARM.\n" in text


def test_a_handler_that_cannot_be_imported_is_one_sentence_on_the_screen(folder: Path) -> None:
    with sandbox(folder, "broken:handle") as region:
        region.deployment.up()
        screen = Screen(region)
        region.client().post({})
        sentence = "broken:handle cannot be imported: ModuleNotFoundError: No module named 'no_such_thing'. Correct it"
        stopped = "has stopped with exit code 78"
        until(lambda: sum(stopped in event.text for event in region.region.events) >= 2)
        until(lambda: sentence in screen.text)
        assert screen.text.count(sentence) == screen.text.count("Traceback (most recent call last)") == 1
        assert screen.text.count(stopped) <= 1, "the tasks that follow fail in the same way"


def test_the_state_has_counts_alarms_and_tasks(folder: Path) -> None:
    with sandbox(folder, "mine:handle") as region:
        region.deployment.up()
        screen = Screen(region)
        region.client().post({"wait": True})

        def at_work() -> Sample | None:
            screen.view.lines()
            sample = screen.view.follower.sample()
            return sample if sample.in_flight and sample.running else None

        sample = until(at_work)
        frame = io.StringIO()
        Console(file=frame, width=60, soft_wrap=True).print(screen.view.state(sample))
        (task,) = region.tasks.tasks()
    lines = frame.getvalue().splitlines()
    assert max(map(len, lines)) <= 60, "a narrow terminal shows all of it"
    text = " ".join(frame.getvalue().split())
    assert "jobs: 0 waiting, 1 in flight, 0 done, 0 dead letters; tasks: 1 desired, 1 running" in text
    assert "scaling-zero " in text
    assert f"tasks: {task.id[:8]} running protected" in text


@pytest.mark.parametrize(
    ("handler", "body"),
    [("worker.demo:handle", '{"sleep": 5}'), ("mine:handle", '{"text": "The first sentence of a text.')],
)
def test_how_to_send_a_job_names_the_handler_and_a_body_that_suits_it(folder: Path, handler: str, body: str) -> None:
    with sandbox(folder, handler) as region:
        region.deployment.up()
        shown = io.StringIO()
        how_to(Console(file=shown, width=160, soft_wrap=True), region)
    assert f"Send a job to {handler} from another terminal:\n  curl " in shown.getvalue()
    assert f"-d '{body}" in shown.getvalue()
    assert ("replace it with what your code expects" in shown.getvalue()) == (handler == "mine:handle")
