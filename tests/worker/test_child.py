import json
import signal
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.waiting import LIMIT, until
from tests.worker.conftest import Open
from tests.worker.place import DONE, Place
from worker import logs
from worker.job import Result, Verdict
from worker.jobs.descendants import OOM_SCORE_ADJ
from worker.jobs.process import STOP_SIGNAL

BASIS = """
import asyncio, json, logging, os, subprocess, sys, time
from pathlib import Path
from worker.job import Job, Reject, Retry
def note(text):
    with open(os.environ["NOTES"] + "/notes", "a") as notes: print(text, file=notes)
"""


@pytest.fixture
def handling(open_place: Open) -> Open:
    """Opens a place whose child has imported the handler."""

    def handling(handler: str, **environment: str) -> Place:
        place = open_place(BASIS + handler, **environment)
        assert place.ready().error is None
        return place

    return handling


def notes(place: Place) -> list[str]:
    return (place.folder / "notes").read_text().splitlines()


def result(verdict: Verdict, reason: str | None = None, after: float | None = None) -> Result:
    return Result(verdict=verdict, reason=reason, after=after)


@pytest.mark.parametrize(
    ("does", "expected"),
    [
        ("return 7", DONE),
        ("raise Retry()", result(Verdict.RETRY)),
        ("raise Retry('the film is not there yet')", result(Verdict.RETRY, "the film is not there yet")),
        ("raise Retry(after=90)", result(Verdict.RETRY, after=90)),
        ("raise Retry(after=-1)", result(Verdict.RETRY, after=0)),
        ("raise Retry(after=1e9)", result(Verdict.RETRY, after=43_200)),
        ("raise Retry(after=float('inf'))", result(Verdict.RETRY, after=43_200)),
        ("raise Retry(after=float('nan'))", result(Verdict.RETRY, after=0)),
        ("class R(Retry):\n        def __init__(self): pass\n    raise R", result(Verdict.RETRY)),
        ("raise Reject('no such customer')", result(Verdict.REJECT, "no such customer")),
        ("raise Reject()", result(Verdict.REJECT, "Reject")),
        (
            "job.json()",
            result(Verdict.REJECT, "the body is not JSON: Expecting value: line 1 column 1 (char 0)"),
        ),
        ("raise Reject('x' * 5000)", result(Verdict.REJECT, "x" * 1000)),
        ("async def later(): raise Retry(after=5)\n    return later()", result(Verdict.RETRY, after=5)),
        ("async def later(): raise Reject('why')\n    return later()", result(Verdict.REJECT, "why")),
        ("async def later(): await asyncio.sleep(0)\n    return later()", DONE),
        ("class A:\n        def __await__(self): yield from asyncio.sleep(0).__await__()\n    return A()", DONE),
        ("class R(Reject):\n        def __str__(self): raise ValueError\n    raise R", result(Verdict.REJECT, "R")),
    ],
)
def test_how_a_handler_ends_is_the_verdict(handling: Open, does: str, expected: Result) -> None:
    assert handling(f"def handle(job):\n    {does}").do() == expected


@pytest.mark.parametrize(
    ("does", "reason"),
    [
        ("raise KeyError('film')", "KeyError: 'film'"),
        ("sys.exit(0)", "SystemExit: 0"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt"),
        ("raise GeneratorExit", "GeneratorExit"),
        ("async def later(): sys.exit(2)\n    return later()", "SystemExit: 2"),
        ("async def later(): raise KeyError('film')\n    return later()", "KeyError: 'film'"),
        ("async def later(): raise asyncio.CancelledError\n    return later()", "asyncio.exceptions.CancelledError"),
        (
            "class Odd(Exception):\n        def __init__(self): self.f = lambda: 1\n    raise Odd",
            "jobs.handle.<locals>.Odd",
        ),
        (
            "class Odd(Exception):\n        def __str__(self): raise ValueError\n    raise Odd",
            "jobs.handle.<locals>.Odd: <exception str() failed>",
        ),
        ("raise RuntimeError('x' * 10_000_000)", "RuntimeError: " + "x" * 986),
        (
            "raise Retry(after='soon')",
            "ValueError: could not convert string to float: 'soon'",
        ),
        ("raise Retry(after=10**400)", "OverflowError: int too large to convert to float"),
        (
            "return (note(line) for line in job.body)",
            "TypeError: the handler is a generator, which does nothing when it is called: it must not yield",
        ),
        ("raise RuntimeError('\\ud800')", "RuntimeError: \ud800"),
        ("raise ExceptionGroup('two', [KeyError(1), KeyError(2)])", "ExceptionGroup: two (2 sub-exceptions)"),
    ],
)
def test_whatever_else_a_handler_raises_is_a_failed_attempt_and_its_child_goes_on(
    handling: Open, does: str, reason: str
) -> None:
    place = handling(f"def handle(job):\n    if job.body == 'good': return\n    {does}")
    failed = place.do()
    assert (failed.verdict, failed.reason) == (Verdict.FAILED, reason)
    assert len(failed.traceback or "") <= 20_001
    assert place.do("good") == DONE


def test_a_failure_comes_with_its_traceback(handling: Open) -> None:
    failed = handling("def handle(job):\n    raise RuntimeError('no')").do()
    assert failed.traceback
    head, where, *rest = failed.traceback.splitlines()
    assert head == "Traceback (most recent call last):"
    assert where.endswith(", in handle")  # the user's own code comes first
    assert rest == ["    raise RuntimeError('no')", "RuntimeError: no"]


@pytest.mark.parametrize(
    "handler",
    [
        "def handle(job):\n    yield",
        "async def handle(job):\n    yield",
        "class H:\n    def __call__(self, job): yield\nhandle = H()",
        "import functools\ndef two(a, job): yield\nhandle = functools.partial(two, 1)",
    ],
)
def test_a_generator_is_no_handler_and_that_is_known_at_import(open_place: Open, handler: str) -> None:
    error = "TypeError: jobs:handle is a generator, which does nothing when it is called: it must not yield"
    assert open_place(handler).ready().error == error


@pytest.mark.parametrize(
    "returned",
    [
        "concurrent.futures.ThreadPoolExecutor(1).submit(print)",
        "multiprocessing.pool.ThreadPool(1).apply_async(print)",
        "multiprocessing.pool.ThreadPool(1).imap(print, [1])",
        "threading.Thread(target=print)",
        "multiprocessing.Process(target=print)",
        "subprocess.Popen(['true'])",
        "map(print, [1])",
        "filter(None, [1])",
        "zip([1])",
        "itertools.starmap(print, [[1]])",
        "concurrent.futures.ThreadPoolExecutor(1).map(print, [1])",
    ],
)
@pytest.mark.parametrize("prefix", ["", "async "])
def test_work_that_is_not_done_yet_is_not_done(handling: Open, returned: str, prefix: str) -> None:
    modules = "import concurrent.futures, itertools, multiprocessing.pool, threading\n"
    failed = handling(f"{modules}{prefix}def handle(job): return {returned}").do()
    assert failed.verdict is Verdict.FAILED
    assert "the handler " in (failed.reason or "")


def test_no_work_that_is_not_done_hides_from_the_first_await_or_in_a_collection(open_place: Open) -> None:
    place = open_place(
        BASIS
        + """
import concurrent.futures
pool = concurrent.futures.ThreadPoolExecutor(1)
async def work(): note("ran")
async def later(): return work()
def handle(job): return eval(job.body)
"""
    )
    place.ready()
    for returned, kind in {
        "later()": "builtins.coroutine",
        "[work(), work()]": "builtins.coroutine",
        "(pool.submit(print), 1)": "concurrent.futures._base.Future",
        "{pool.submit(print)}": "concurrent.futures._base.Future",
        "{'a': pool.submit(print)}": "concurrent.futures._base.Future",
        "[1, map(print, [1])]": "builtins.map",
        "[(x for x in 'ab')]": "builtins.generator",
        "[subprocess.Popen(['true'])]": "subprocess.Popen",
    }.items():
        failed = place.do(returned)
        assert failed.verdict is Verdict.FAILED, returned
        assert "TypeError: the handler returned " in (failed.reason or "")
        assert f"({kind})" in (failed.reason or "")
    for done in ("[1] * 100_000", "{'a': [1]}", "{'a', 'b'}", "(None,)", "'text'", "asyncio.sleep(0)"):
        assert place.do(done) == DONE, done
    assert not (place.folder / "notes").exists()


@pytest.mark.parametrize("returned", ["open(os.devnull)", "sqlite3.connect(':memory:').execute('select 1')", "[1]"])
def test_other_values_that_are_returned_are_ignored(handling: Open, returned: str) -> None:
    assert handling(f"import sqlite3\ndef handle(job): return {returned}").do() == DONE


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
    assert notes(place) == ["nothing"] * 4


def test_temporary_files_of_a_job_go_with_it(handling: Open) -> None:
    place = handling("""
import tempfile
def handle(job):
    folder = Path(tempfile.mkdtemp())
    (folder / "kept").write_text("x"); (folder / "kept").chmod(0o400); folder.chmod(0o500)
    note(f"{folder.parent} {os.environ['TMPDIR']} {len(list(folder.parent.iterdir()))}")
""")
    assert [place.do(), place.do()] == [DONE] * 2
    for line in notes(place):
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
    assert notes(place) == ["KeyError('film')"]
    logs.OUTPUT.flush(LIMIT)
    assert capfd.readouterr().out == ""


def test_a_child_is_replaced_after_so_many_jobs(open_place: Open) -> None:
    place = open_place(BASIS + "def handle(job): note(os.getpid())", EBB_MAX_JOBS_PER_CHILD="2")
    place.ready()
    assert place.do() == DONE
    place.start()
    assert (ended := place.ended()).result.verdict is Verdict.DONE
    assert not ended.alive
    place.ready()
    assert place.do() == DONE
    first, second, third = notes(place)
    assert first == second != third


@pytest.mark.parametrize("number", [STOP_SIGNAL, signal.SIGTERM])
def test_a_job_that_has_looked_at_stopping_hears_of_a_stop_and_sigterm_does_not_end_it(
    handling: Open, number: signal.Signals
) -> None:
    place = handling("""
def handle(job):
    stopping = job.stopping
    note("began")
    assert stopping.wait(600)
    note("saved")
    raise Retry("saved")
""")
    place.start()
    place.note("notes")
    child = place.slots._slots[0]._child
    assert child
    child.process.send_signal(number)
    assert place.ended().result == result(Verdict.RETRY, "saved")
    assert notes(place) == ["began", "saved"]


def test_a_job_that_has_not_looked_at_stopping_ends_at_sigterm(handling: Open) -> None:
    place = handling("def handle(job):\n    note('began')\n    time.sleep(600)")
    place.start()
    place.note("notes")
    child = place.slots._slots[0]._child
    assert child
    child.process.terminate()
    assert place.ended().result.reason == "the handler's process was killed by signal 15 (Terminated)"


def test_a_stop_that_was_requested_before_the_job_looks_is_not_missed(handling: Open) -> None:
    place = handling("""
def handle(job):
    note("began")
    while not os.path.exists(os.environ["NOTES"] + "/asked"): time.sleep(0.01)
    note(job.stopping.is_set())
""")
    place.start()
    place.note("notes")
    place.slots.request_stop(0)
    (place.folder / "asked").touch()
    assert place.ended().result == DONE
    assert notes(place) == ["began", "True"]


def test_when_memory_is_short_the_kernel_ends_a_child_and_not_the_worker(handling: Open) -> None:
    place = handling("""
def handle(job):
    score = "/proc/self/oom_score_adj"
    note(f"{Path(score).read_text().strip()} {subprocess.check_output(['cat', score], text=True).strip()}")
""")
    own = Path("/proc/self/oom_score_adj").read_text()
    assert place.do() == DONE
    assert notes(place) == [f"{OOM_SCORE_ADJ} {OOM_SCORE_ADJ}"]
    assert int(own) < OOM_SCORE_ADJ
    assert Path("/proc/self/oom_score_adj").read_text() == own


@pytest.mark.parametrize(
    ("body", "seen"),
    [
        ('\ufeff{"film": 7}', "{'film': 7}"),
        ("9" * 4301, "4301 digits"),
        ('{"film": -' + "9" * 50_000 + "}", "50000 digits"),
        ("9" * 4301 + ".5e3", "inf"),
    ],
)
def test_a_byte_order_mark_and_long_numbers_are_json(handling: Open, body: str, seen: str) -> None:
    place = handling("""
def handle(job):
    value = job.json()
    number = value["film"] if isinstance(value, dict) else value
    note(f"{round(abs(number).bit_length() / 3.321928)} digits" if number != 7 and isinstance(number, int) else value)
""")
    assert place.do(body) == DONE
    assert notes(place) == [seen]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("\ufeff", "Expecting value: line 1 column 1 (char 0)"),
        ("\ufeff\ufeff{}", "Unexpected UTF-8 BOM (decode using utf-8-sig): line 1 column 1 (char 0)"),
        ("[" + "9" * 100_001 + "]", "a number in it has 100001 digits, and the limit is 100000"),
        ("-" + "9" * 1_000_000, "a number in it has 1000000 digits, and the limit is 100000"),
    ],
)
def test_what_is_no_json_for_us_is_rejected_at_once_and_the_child_goes_on(
    handling: Open, body: str, reason: str
) -> None:
    place = handling("def handle(job): job.json()")
    assert place.do(body) == result(Verdict.REJECT, f"the body is not JSON: {reason}")
    assert place.do("{}") == DONE


@pytest.mark.parametrize("body", ["", "   ", "\n\t"])
def test_an_empty_body_is_rejected_before_the_handler_sees_it(handling: Open, body: str) -> None:
    place = handling("def handle(job): note('ran')")
    assert place.do(body) == result(Verdict.REJECT, "the body is empty")
    assert not (place.folder / "notes").exists()


def test_a_body_that_is_too_long_in_bytes_is_rejected_before_the_handler_sees_it(handling: Open) -> None:
    place = handling("def handle(job): note('ran')", EBB_MAX_BODY_BYTES="8")
    assert place.do("ääää") == DONE
    assert place.do("ääääx") == result(Verdict.REJECT, "the body has 9 bytes, more than EBB_MAX_BODY_BYTES = 8")
    assert notes(place) == ["ran"]


def test_the_handler_sees_the_whole_job(handling: Open) -> None:
    place = handling("def handle(job): note(repr(job))")
    fields: dict[str, Any] = {
        "id": "id-7",
        "attributes": {"colour": "blue", "key": b"\x00\xff"},
        "attempt": 3,
        "group": "customer-7",
        "deadline": 1_800_000_000.5,
        "trace": "Root=1-2-3",
    }
    assert place.do('{"film": 7}', **fields) == DONE
    assert notes(place)[0] == (
        "Job(id='id-7', body='{\"film\": 7}', attributes={'colour': 'blue', 'key': b'\\x00\\xff'}, attempt=3, "
        "group='customer-7', deadline=1800000000.5, trace='Root=1-2-3')"
    )


def test_the_trace_is_in_the_environment_during_its_job_only(handling: Open) -> None:
    place = handling("def handle(job): note(os.environ.get('_X_AMZN_TRACE_ID'))")
    assert [place.do(trace="Root=1"), place.do(), place.do(trace="Root=2")] == [DONE] * 3
    assert notes(place) == ["Root=1", "None", "Root=2"]


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
    assert notes(place) == ["True"] * 3


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
    until(lambda: len(notes(place)) == 6)
    assert sorted(notes(place)) == ["a False", "a True", "b False", "b True", "c False", "c True"]


def test_processes_that_a_handler_starts_do_not_get_the_workers_connection(handling: Open) -> None:
    place = handling(
        """
def handle(job):
    seen = subprocess.run(["ls", "-l", "/proc/self/fd"], close_fds=False, capture_output=True, text=True).stdout
    note("socket:" in seen)
"""
    )
    assert place.do() == DONE
    assert notes(place) == ["False"]


def test_a_handler_elsewhere_is_found_by_its_name(handling: Open, tmp_path: Path) -> None:
    (tmp_path / "films").mkdir()
    (tmp_path / "films" / "cut.py").write_text("def trim(job): raise RuntimeError(__name__)")
    place = handling("", EBB_HANDLER="films.cut:trim")
    assert place.do().reason == "RuntimeError: films.cut"


def test_the_demo_handler_does_what_its_text_says(handling: Open) -> None:
    place = handling("", EBB_HANDLER="worker.demo:handle")
    assert place.do("good morning") == DONE
    assert place.do('{"sleep": 0.01}') == DONE
    assert place.do('{"reject": "why"}') == result(Verdict.REJECT, "why")
    assert place.do('{"retry_after": 60}') == result(Verdict.RETRY, "as the message asks", 60)
    assert place.do('{"retry_after": 60}', attempt=2) == DONE
    assert place.do('{"fail_times": 2}', attempt=3) == DONE
    for order, attempt in (('{"fail": true}', 9), ('{"fail_times": 2}', 2)):
        failed = place.do(order, attempt=attempt)
        assert failed.reason == "RuntimeError: failing on purpose, as the message asks"
    assert place.do("{").verdict is Verdict.REJECT
