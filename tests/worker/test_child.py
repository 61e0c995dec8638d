"""What a child gives to a handler: its context, files, log, event loop and place."""

import json
import threading
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from tests.helpers.waiting import LIMIT, until
from tests.worker.conftest import Open
from tests.worker.place import DONE, PRELUDE_LINES, result
from worker import logs
from worker.job import Verdict
from worker.jobs.descendants import OOM_SCORE_ADJ
from worker.progress import Progress


def test_what_one_job_sets_in_its_context_the_next_does_not_see(handling: Open) -> None:
    place = handling("""
import contextvars
seen = contextvars.ContextVar("seen", default="nothing")
def handle(job):
    async def later(): note(seen.get()); seen.set(job.body)
    if job.attempt > 1: return later()
    note(seen.get()); seen.set(job.body)
""")
    assert [place.do("a"), place.do("b"), place.do("c", attempt=2), place.do("d", attempt=2)] == [DONE] * 4
    assert place.notes() == ["nothing"] * 4


def test_temporary_files_of_a_job_go_with_it(handling: Open) -> None:
    place = handling("""
import tempfile
def handle(job):
    folder = Path(tempfile.mkdtemp())
    (folder / "kept").write_text("x"); (folder / "kept").chmod(0o400); folder.chmod(0o500)
    note(f"{folder.parent} {os.environ['TMPDIR']} {len(list(folder.parent.iterdir()))}")
""")
    assert [place.do(), place.do()] == [DONE] * 2
    for line in place.notes():
        scratch, variable, count = line.split()
        assert (scratch, count) == (variable, "1")
        assert not Path(scratch).exists()


def test_a_failure_reaches_the_handlers_of_logging_and_is_printed_once(
    handling: Open, capfd: pytest.CaptureFixture[str]
) -> None:
    place = handling("""
class Sentry(logging.Handler):
    def emit(self, record): note(repr(record.exc_info[1]))
logging.getLogger().addHandler(Sentry())
def handle(job): raise KeyError(job.body)
""")
    assert place.do("film").verdict is Verdict.FAILED
    assert place.notes() == ["KeyError('film')"]
    logs.OUTPUT.flush(LIMIT)
    assert capfd.readouterr().out == ""


def test_what_a_job_prints_comes_after_what_was_logged_before_it(
    handling: Open, capfd: pytest.CaptureFixture[str]
) -> None:
    place, go_on = handling("def handle(job): print(job.body)"), threading.Event()
    logs.OUTPUT._do(partial(go_on.wait, LIMIT))  # type: ignore[arg-type]  # the thread that writes comes late
    for body in ("first", "second"):
        logs.line(f"start of the {body}")
        assert place.do(body) == DONE
        logs.line(f"end of the {body}")
    go_on.set()
    logs.OUTPUT.flush(LIMIT)
    printed = [f"{what}{body}" for body in ("first", "second") for what in ("start of the ", "", "end of the ")]
    assert capfd.readouterr().out.splitlines() == printed


def test_a_child_is_replaced_after_so_many_jobs(open_place: Open) -> None:
    place = open_place(PRELUDE_LINES + "def handle(job): note(os.getpid())", EBB_MAX_JOBS_PER_CHILD="2")
    place.ready()
    assert place.do() == DONE
    place.start()
    assert (ended := place.ended()).result.verdict is Verdict.DONE
    assert not ended.alive
    place.ready()
    assert place.do() == DONE
    first, second, third = place.notes()
    assert first == second != third


def test_when_memory_is_short_the_kernel_ends_a_child_and_not_the_worker(handling: Open) -> None:
    place = handling("""
def handle(job):
    score = "/proc/self/oom_score_adj"
    note(f"{Path(score).read_text().strip()} {subprocess.check_output(['cat', score], text=True).strip()}")
""")
    own = Path("/proc/self/oom_score_adj").read_text()
    assert place.do() == DONE
    assert place.notes() == [f"{OOM_SCORE_ADJ} {OOM_SCORE_ADJ}"]
    assert int(own) < OOM_SCORE_ADJ
    assert Path("/proc/self/oom_score_adj").read_text() == own


def test_log_lines_say_whose_they_are_and_printed_ones_stay_as_they_are(
    handling: Open, capfd: pytest.CaptureFixture[str]
) -> None:
    place = handling(
        "import threading\n"
        "def later(): time.sleep(0.3); logging.warning('between jobs'); note('later')\n"
        "def handle(job): logging.info('hello'); print('printed'); threading.Thread(target=later).start()"
    )
    assert place.do(id="id-1", attempt=2, group="g", trace="Root=1") == DONE
    place.note("notes")
    printed: list[str] = []
    while not any("between jobs" in line for line in printed):
        logs.OUTPUT.flush(LIMIT)
        printed += capfd.readouterr().out.splitlines()
    lines = [json.loads(line) for line in printed if line.startswith("{")]
    assert [line for line in printed if not line.startswith("{")] == ["printed"]
    for line in lines:
        del line["time"]
    assert lines == [
        {
            "level": "INFO",
            "message": "hello",
            "logger": "root",
            "message_id": "id-1",
            "attempt": 2,
            "group": "g",
            "trace": "Root=1",
        },
        {"level": "WARNING", "message": "between jobs", "logger": "root"},
    ]


@pytest.mark.parametrize("closing", ["sys.stdout.close()", "os.close(1)", "sys.stdout = None"])
def test_a_handler_that_closes_its_output_is_none_the_worse(handling: Open, closing: str) -> None:
    place = handling(f"def handle(job):\n    if job.attempt == 1: {closing}")
    assert place.do() == DONE
    assert place.do(attempt=2) == DONE


@pytest.mark.parametrize(
    "handler",
    [
        "async def handle(job):",
        "class Handler:\n  async def __call__(self, job):",
    ],
)
def test_one_event_loop_serves_all_the_jobs_of_a_child(handling: Open, handler: str) -> None:
    indent = " " * (4 if handler.startswith("class") else 2)
    end = "\nhandle = Handler()" if handler.startswith("class") else ""
    place = handling(
        f"""
loops = []
{handler}
{indent}await asyncio.sleep(0.001)
{indent}loops.append(asyncio.get_running_loop())
{indent}note(all(loop is loops[0] for loop in loops)){end}
"""
    )
    assert [place.do(), place.do(), place.do()] == [DONE] * 3
    assert place.notes() == ["True"] * 3


def test_boto3_and_asyncio_are_not_imported_for_a_handler_that_needs_neither(handling: Open, tmp_path: Path) -> None:
    heavy = "{'boto3', 'botocore', 'asyncio'}"
    (tmp_path / "plain.py").write_text(f"import sys\ndef handle(job): raise RuntimeError({heavy} & set(sys.modules))")
    place = handling("", EBB_HANDLER="plain:handle", EBB_PAYLOAD_BUCKET="bodies")
    assert place.do().reason == "RuntimeError: set()"


def test_a_handler_may_fork_and_come_back_from_both(handling: Open) -> None:
    place = handling(
        """
def handle(job):
    note(f"{job.id} {os.fork() == 0}")
    if job.id == "b": raise RuntimeError("both")
"""
    )
    assert place.do(id="a") == DONE
    assert place.do(id="b").reason == "RuntimeError: both"
    assert place.do(id="c") == DONE
    until(lambda: len(place.notes()) == 6)
    assert sorted(place.notes()) == ["a False", "a True", "b False", "b True", "c False", "c True"]


def test_processes_that_a_handler_starts_do_not_get_the_workers_connection(handling: Open) -> None:
    place = handling(
        """
def handle(job):
    seen = subprocess.run(["ls", "-l", "/proc/self/fd"], close_fds=False, capture_output=True, text=True).stdout
    note("socket:" in seen)
"""
    )
    assert place.do() == DONE
    assert place.notes() == ["False"]


def test_a_handler_elsewhere_is_found_by_its_name(handling: Open, tmp_path: Path) -> None:
    (tmp_path / "films").mkdir()
    (tmp_path / "films" / "cut.py").write_text("def trim(job): raise RuntimeError(__name__)")
    place = handling("", EBB_HANDLER="films.cut:trim")
    assert place.do().reason == "RuntimeError: films.cut"


def test_the_demo_handler_does_what_its_text_says(handling: Open) -> None:
    place = handling("", EBB_HANDLER="worker.demo:handle")
    assert place.do("good morning") == DONE
    assert place.do('{"sleep": 0.01}') == replace(DONE, progress=Progress(0.9, "sleeping"))
    assert place.do('{"result": [7]}') == replace(DONE, value="[7]")
    assert place.do('{"reject": "why"}') == result(Verdict.REJECT, "why")
    assert place.do('{"retry_after": 60}') == result(Verdict.RETRY, "as the message asks", 60)
    assert place.do('{"retry_after": 60}', attempt=2) == DONE
    assert place.do('{"fail_times": 2}', attempt=3) == DONE
    for order, attempt in (('{"fail": true}', 9), ('{"fail_times": 2}', 2)):
        failed = place.do(order, attempt=attempt)
        assert failed.reason == "RuntimeError: failing on purpose, as the message asks"
    assert place.do("{").verdict is Verdict.REJECT
