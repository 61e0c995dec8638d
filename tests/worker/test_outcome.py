"""What a handler returns, without a process: other forms of work that is not done."""

import collections
import contextlib
import functools
import types
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from worker.jobs import outcome


@contextlib.contextmanager
def _scope() -> Iterator[None]:
    yield


def decorated(times: int) -> Any:
    """A decorator with an argument, used without its parentheses: its argument is then the handler."""

    def decorate(handle: Any) -> Any:
        return functools.partial(handle, times)

    return decorate


@pytest.mark.parametrize(
    ("returned", "reason"),
    [
        (decorated(2), "the handler returned a function (builtins.function), which nothing has called"),
        (print, "the handler returned a function (builtins.builtin_function_or_method), which nothing has called"),
        ("".join, "the handler returned a function (builtins.builtin_function_or_method), which nothing has called"),
        (functools.partial(print, 1), "the handler returned a function (functools.partial), which nothing has called"),
        (
            [functools.partial(print, 1)],
            "the handler returned a function (functools.partial), which nothing has called",
        ),
        (KeyError("a"), "the handler returned an exception (builtins.KeyError): raise it"),
        ([None, OSError("a")], "the handler returned an exception (builtins.OSError): raise it"),
        (_scope(), "the handler is a generator, which does nothing when it is called"),
    ],
)
def test_functions_exceptions_and_scopes_that_are_returned_are_no_success(returned: object, reason: str) -> None:
    assert str(outcome.problem(returned)).startswith(reason)


@pytest.mark.parametrize(
    "collection",
    [
        collections.UserList,
        lambda works: collections.UserDict(a=works),
        lambda works: collections.ChainMap({}, {"a": works}),
        lambda works: types.MappingProxyType({"a": works}),
        lambda works: {"a": works}.values(),
        lambda works: {"a": tuple(works)}.items(),
    ],
)
def test_no_work_that_is_not_done_hides_in_a_collection_of_another_kind(collection: Callable[[Any], object]) -> None:
    assert str(outcome.problem(collection([print]))).startswith("the handler returned a function")
    assert outcome.problem(collection([1])) is None


@pytest.mark.parametrize("returned", [None, 0, False, "", b"", {"a": 1}, ValueError, {"a": 1}.values(), object()])
def test_plain_values_are_a_success(returned: object) -> None:
    assert outcome.problem(returned) is None
