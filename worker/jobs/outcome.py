"""What a handler is and returns: work that is not done yet must not count as done."""

import inspect
import io
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from itertools import islice

#: Methods that only an object for work in progress has, each pair in another library: Future (also of Dask and Celery),
#: AsyncResult (multiprocessing), Popen, and Thread or Process.
PENDING = (("result", "done"), ("get", "ready"), ("communicate", "poll"), ("join", "is_alive"))
#: A cursor of a database has made its query (PEP 249): its rows are no work.
CURSOR_METHOD = "fetchone"
#: A handler often returns what it has started in one of these; so many of their elements are checked.
COLLECTIONS = (list, tuple, set, frozenset, dict)
MAX_ELEMENTS = 1_000


def handler_problem(handle: object) -> str | None:
    """Why this cannot be a handler."""
    if not callable(handle):
        return "is not callable"
    if not _takes_one(handle):
        return "must take one argument, the job"
    for function in (handle, vars(type(handle)).get("__call__")):
        if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
            return "is a generator, which does nothing when it is called: it must not yield"
    return None


def problem(returned: object) -> str | None:
    """Why the job is not done although the handler has returned this, awaited once if it could be."""
    if inspect.isgenerator(returned) or inspect.isasyncgen(returned):
        return "the handler is a generator, which does nothing when it is called: it must not yield"
    values: Iterable[object] = ()
    if isinstance(returned, COLLECTIONS):
        values = returned.values() if isinstance(returned, dict) else returned
    problems = map(_pending, (returned, *islice(values, MAX_ELEMENTS)))
    return next(filter(None, problems), None)


def _pending(returned: object) -> str | None:
    kind = type(returned)
    name = f"{kind.__module__}.{kind.__qualname__}"
    if inspect.isawaitable(returned):
        if inspect.iscoroutine(returned):
            returned.close()  # the reason says it; Python's warning would be a second one
        return f"the handler returned work that nothing has awaited ({name}): await it before you return"
    lazy = isinstance(returned, Iterator | AsyncIterator)
    if lazy and not isinstance(returned, io.IOBase) and not hasattr(kind, CURSOR_METHOD):
        return f"the handler returned an iterator ({name}), whose work is done only when something reads it: use list()"
    if any(all(callable(getattr(kind, method, None)) for method in pair) for pair in PENDING):
        return f"the handler returned work that may not be done yet ({name}): wait for it before you return"
    return None


def _takes_one(handle: Callable[..., object]) -> bool:
    try:
        inspect.signature(handle).bind(None)
    except TypeError:
        return False
    except ValueError:  # some callables have no signature
        return True
    return True
