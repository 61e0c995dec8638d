"""What a job leaves behind when it is done: a JSON value of limited length, or the reason why there is none."""

import math
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.jobs import result
from worker.jobs.result import MAX_BYTES, Value

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


class Deep:
    """Not JSON."""


@pytest.mark.parametrize(
    ("returned", "text"),
    [
        (None, None),
        (False, "false"),
        (0, "0"),
        ("", '""'),
        ({"frames": 7, "name": "Übung \U0001f600"}, '{"frames":7,"name":"Übung \U0001f600"}'),
        ((1, [2.5]), "[1,[2.5]]"),
        ("x" * (MAX_BYTES - 2), '"' + "x" * (MAX_BYTES - 2) + '"'),
    ],
)
def test_a_json_value_is_the_result(returned: object, text: str | None) -> None:
    assert result.of(returned) == Value(text)


def circle() -> object:
    one: list[object] = []
    one.append(one)
    return one


def deep() -> object:
    one: list[object] = []
    for _ in range(100_000):
        one = [one]
    return one


@pytest.mark.parametrize(
    ("returned", "reason"),
    [
        (math.nan, "it is not JSON: Out of range float values are not JSON compliant"),
        ([math.inf], "it is not JSON: Out of range float values are not JSON compliant"),
        (Deep(), "it is not JSON: Object of type Deep is not JSON serializable"),
        ({1, 2}, "it is not JSON: Object of type set is not JSON serializable"),
        (b"bytes", "it is not JSON: Object of type bytes is not JSON serializable"),
        ({(1, 2): 3}, "it is not JSON: keys must be str, int, float, bool or None, not tuple"),
        ("\ud800", "it is not JSON: 'utf-8' codec can't encode character"),
        (circle(), "it is not JSON: Circular reference detected"),
        (deep(), "it is not JSON: maximum recursion depth"),
        pytest.param(10**5000, "it is not JSON: Exceeds the limit", id="a number of 5,000 digits"),
        ("x" * (MAX_BYTES - 1), f"it has {MAX_BYTES + 1} bytes, and the limit is {MAX_BYTES}"),
        ("ü" * (MAX_BYTES // 2), f"it has {MAX_BYTES + 2} bytes, and the limit is {MAX_BYTES}"),
    ],
)
def test_anything_else_is_dropped_with_the_reason(returned: object, reason: str) -> None:
    found = result.of(returned)
    assert found.text is None
    assert str(found.dropped).startswith(f"the result was dropped: {reason}")
    assert len(str(found.dropped)) < 300


@given(JSON)
def test_what_a_program_writes_is_what_a_handler_returns(value: object) -> None:
    text = result.of(value).text
    path = Path(os.environ.get("TMPDIR", "/tmp"), f"result-{os.getpid()}")
    path.write_text(text or "")
    assert result.of_file(str(path)) == Value(text)
    path.unlink()


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", Value()),
        (b" \n", Value()),
        (b"null", Value()),
        (b'\xef\xbb\xbf{"a": 1}\n', Value('{"a":1}')),
        (b"{", Value(dropped="the result was dropped: $EBB_RESULT_FILE is not JSON: ")),
        (b"NaN", Value(dropped="the result was dropped: $EBB_RESULT_FILE is not JSON: NaN is no JSON value")),
        (b"\xff", Value(dropped="the result was dropped: $EBB_RESULT_FILE is not JSON: 'utf-8' codec can't")),
        (b"[" * 30_000, Value(dropped="the result was dropped: $EBB_RESULT_FILE is not JSON: ")),
        (b" " * MAX_BYTES + b"1", Value(dropped="the result was dropped: it has more bytes, and the limit is 32768")),
    ],
)
def test_the_file_of_a_program_has_json_or_is_dropped(tmp_path: Path, content: bytes, expected: Value) -> None:
    (tmp_path / "result").write_bytes(content)
    found = result.of_file(str(tmp_path / "result"))
    assert found.text == expected.text
    assert str(found.dropped).startswith(str(expected.dropped))


def test_what_is_no_file_is_no_result_and_holds_up_no_worker(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "zero").symlink_to("/dev/zero")
    for name in ("none", "pipe", "zero", "."):
        assert result.of_file(str(tmp_path / name)) == Value()
