"""A job's result: a JSON value, as text of limited length. Without a usable one the job is done too."""

import json
from typing import NamedTuple

from worker import progress

VARIABLE = "EBB_RESULT_FILE"
#: Bytes of a result as JSON text (our own limit: an item of DynamoDB may have 400 KB, an event 256 KB).
MAX_BYTES = 32_768


class Value(NamedTuple):
    """JSON text, or why there is none."""

    text: str | None = None
    dropped: str | None = None


def of(returned: object) -> Value:
    """The result of a handler that returned this; None is no result."""
    if returned is None:
        return Value()
    try:
        text = json.dumps(returned, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        size = len(text.encode())
    except (TypeError, ValueError, RecursionError) as error:  # a lone surrogate is a ValueError too
        return Value(dropped=f"the result was dropped: it is not JSON: {_text(error)}")
    if size > MAX_BYTES:
        return Value(dropped=_too_long(str(size)))
    return Value(text)


def of_file(path: str) -> Value:
    """The result that a program has written into this file, if it has."""
    data = progress.contents(path, MAX_BYTES + 1)
    if not data or not data.strip():
        return Value()
    if len(data) > MAX_BYTES:
        return Value(dropped=_too_long("more"))
    try:
        found = json.loads(data.decode().removeprefix("\ufeff"), parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        return Value(dropped=f"the result was dropped: ${VARIABLE} is not JSON: {_text(error)}")
    return of(found)


def _too_long(size: str) -> str:
    return f"the result was dropped: it has {size} bytes, and the limit is {MAX_BYTES}"


def _refuse(constant: str) -> object:
    raise ValueError(f"{constant} is no JSON value")


def _text(error: Exception) -> str:
    return f"{error}"[:200] or type(error).__name__
