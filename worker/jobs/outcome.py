"""What a handler is and returns: work that is not done yet must not count as done."""

import functools
import inspect
import io
from collections import ChainMap, UserDict, UserList, deque
from collections.abc import AsyncIterator, Callable, ItemsView, Iterator, ValuesView
from itertools import chain, islice
from types import MappingProxyType

#: Methods that only an object for work in progress has, each pair in another library: Future (also of Dask and Celery),
#: AsyncResult (multiprocessing), Popen, and Thread or Process.
PENDING = (("result", "done"), ("get", "ready"), ("communicate", "poll"), ("join", "is_alive"))
#: A cursor of a database has made its query (PEP 249): its rows are no work.
CURSOR_METHOD = "fetchone"
#: A handler often returns what it has started in one of these, at any depth. So many of their elements are checked.
MAPPINGS = (dict, UserDict, ChainMap, MappingProxyType)
COLLECTIONS = (list, tuple, set, frozenset, deque, UserList, ValuesView, ItemsView, *MAPPINGS)
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
    inner = getattr(returned, "gen", returned)  # of a generator with contextlib.contextmanager
    if inspect.isgenerator(inner) or inspect.isasyncgen(inner):
        return "the handler is a generator, which does nothing when it is called: it must not yield"
    return next(filter(None, map(_pending, _nested(returned))), None)


def _nested(returned: object) -> Iterator[object]:
    """What was returned, and the first elements of all collections in it, those of the outer ones first."""
    known, found, left = {id(returned)}, [returned], MAX_ELEMENTS
    for one in found:  # which grows meanwhile
        yield one
        if isinstance(one, COLLECTIONS):
            elements = chain(one, one.values()) if isinstance(one, MAPPINGS) else iter(one)
            for element in islice(elements, left):
                left -= 1
                if id(element) not in known:  # a collection may contain itself
                    known.add(id(element))
                    found.append(element)


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
    if inspect.isroutine(returned) or isinstance(returned, functools.partial):  # a decorator without its parentheses
        return f"the handler returned a function ({name}), which nothing has called: call it before you return"
    if isinstance(returned, BaseException):  # as asyncio.gather(return_exceptions=True) does
        return f"the handler returned an exception ({name}): raise it"
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
