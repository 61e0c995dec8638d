"""How a handler ends decides what becomes of its job."""

import pytest

from tests.worker.conftest import Open
from tests.worker.place import DONE, PRELUDE_LINES, result
from worker.job import Result, Verdict


@pytest.mark.parametrize(
    ("does", "expected"),
    [
        ("return 7", Result(verdict=Verdict.DONE, value="7")),
        ("async def later(): return {'a': (1,)}\n    return later()", Result(verdict=Verdict.DONE, value='{"a":[1]}')),
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
        PRELUDE_LINES
        + """
import collections, concurrent.futures
pool = concurrent.futures.ThreadPoolExecutor(1)
async def work(): note("ran")
async def later(): return work()
def around():
    itself = [[1], {}]
    itself += [itself]
    itself[1]["a"] = itself
    return itself
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
        "[[work()]]": "builtins.coroutine",
        "{'a': [{'b': (1, {pool.submit(print)})}]}": "concurrent.futures._base.Future",
        "{pool.submit(print): 'a'}": "concurrent.futures._base.Future",
        "collections.deque([[work()]])": "builtins.coroutine",
        "[[0] * 998, work()]": "builtins.coroutine",
    }.items():
        failed = place.do(returned)
        assert failed.verdict is Verdict.FAILED, returned
        assert "TypeError: the handler returned " in (failed.reason or "")
        assert f"({kind})" in (failed.reason or "")
    for done in ("[1] * 100_000", "{'a': [1]}", "{'a', 'b'}", "(None,)", "'text'", "asyncio.sleep(0)", "around()"):
        assert place.do(done).verdict is Verdict.DONE, done
    assert not (place.folder / "notes").exists()


@pytest.mark.parametrize("returned", ["open(os.devnull)", "sqlite3.connect(':memory:').execute('select 1')", "1e999"])
def test_a_job_that_returns_no_json_value_is_done_without_a_result(handling: Open, returned: str) -> None:
    done = handling(f"import sqlite3\ndef handle(job): return {returned}").do()
    assert (done.verdict, done.value) == (Verdict.DONE, None)
    assert str(done.dropped).startswith("the result was dropped: it is not JSON: ")
