"""Metric math, by the tables of CloudWatch's "Using metric math"."""

import math
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ebb.scaling.expressions import ExpressionError, Series, parse

N = None
ARMED = "IF(FILL(r,REPEAT) > 0, v + n + d, 1)"
POINTS = st.one_of(st.none(), st.integers(-1000, 1000).map(float))


def series(text: str) -> Series:
    return tuple(None if word == "-" else float(word) for word in text.split())


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("m1 < m2", "0 0 1 0"),
        ("m1 >= 30", "1 0 0 0"),
        ("m1 > 15 AND m2 > 15", "1 0 0 0"),
    ],
)
def test_comparisons_follow_the_guides_table(expression: str, expected: str) -> None:
    values = {"m1": series("30 20 0 0"), "m2": series("20 - 20 -")}
    assert parse(expression).evaluate({k: values[k] for k in parse(expression).names}) == series(expected)


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("IF(m1, m2, m3)", "30 0 20 - -"),
        ("IF(m1, 5, m3)", "5 5 20 - -"),
        ("IF(m1, m2, 5)", "30 0 5 5 -"),
        ("IF(m1, m2)", "30 0 - - -"),
        ("IF(1, m2, m3)", "30 - 0 0 30"),
        ("IF(0, m2, m3)", "0 0 20 - 20"),
        ("IF(0, m2)", "- - - - -"),
    ],
)
def test_if_follows_the_guides_tables(expression: str, expected: str) -> None:
    values = {"m1": series("1 1 0 0 -"), "m2": series("30 - 0 0 30"), "m3": series("0 0 20 - 20")}
    assert parse(expression).evaluate(values) == series(expected)


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("a + b", "11 2 20 -"),
        ("a - b", "-9 2 -20 -"),
        ("a * b", "10 0 0 -"),
        ("a / b", "0.1 - 0 -"),
        ("b / a", "10 0 - -"),
        ("a / 0", "- - - -"),
        ("a + 1 / 0", "- - - -"),
        ("2 + 3 * a", "5 8 - -"),
        ("(2 + 3) * a", "5 10 - -"),
        ("10 - a - 1", "8 7 - -"),
        ("-a * 2", "-2 -4 - -"),
        ("a == 1 || a == 2", "1 1 - -"),
        ("a != 1 && a <= 2", "0 1 - -"),
        ("a > 5 OR b > 5", "1 0 1 -"),
        ("a > 1 AND (a < 3)", "0 1 - -"),
        ("CEIL(a / 4)", "1 1 - -"),
        ("FLOOR(a / 2)", "0 1 - -"),
        ("SUM([a, b])", "11 2 20 -"),
        ("AVG([a, b])", "5.5 1 10 -"),
        ("MIN([a, b])", "1 2 20 -"),
        ("MAX([a, b])", "10 2 20 -"),
        ("a + MAX(a)", "3 4 - -"),
        ("a + SUM(a)", "4 5 - -"),
        ("a + AVG(a)", "1.75 2.75 - -"),
        ("SUM([a, b] * 2)", "22 4 40 -"),
        ("a + 1.5e1", "16 17 - -"),
        ("a ^ 2", "1 4 - -"),
        ("2 ^ a ^ 2", "2 16 - -"),
        ("-a ^ 2 * 2", "-2 -8 - -"),
        ("(a - 1) ^ -1", "- 1 - -"),
        ("(a - 3) ^ 0.5", "- - - -"),
        ("a * 10 ^ 400", "- - - -"),
        ("ABS(a - b)", "9 2 20 -"),
        ("CEIL(a * 1e308 * 10)", "inf inf - -"),
        ("SUM([a, b] - [b, a])", "0 0 0 -"),
        ("MAX(100 / [a, b])", "100 50 5 -"),
        ("SUM([[a, b], a])", "12 4 20 -"),
        ("IF(1 > 2, a, b)", "10 - 20 -"),
        ("IF(1 / 0, a, b)", "- - - -"),
        ("IF(2 > 1, a, 1) * IF(0, 2, 3)", "3 6 - -"),
        ("a * ABS(1 - 3) * CEIL(0.5) * -FLOOR(-0.5)", "2 4 - -"),
    ],
)
def test_arithmetic_treats_missing_points_as_zero_and_drops_divisions_by_zero(expression: str, expected: str) -> None:
    values = {"a": series("1 2 - -"), "b": series("10 - 20 -")}
    assert parse(expression).evaluate(values) == pytest.approx(series(expected))


@pytest.mark.parametrize(
    ("filler", "expected"),
    [
        ("0", "0 1 0 0 7 0"),
        ("REPEAT", "- 1 1 1 7 7"),
        ("LINEAR", "- 1 3 5 7 -"),
        ("b", "9 1 9 - 7 9"),
        ("MIN(m)", "1 1 1 1 7 1"),
    ],
)
def test_fill_replaces_missing_points_with_a_number_a_repetition_a_line_or_a_series(filler: str, expected: str) -> None:
    values = {"m": series("- 1 - - 7 -"), "b": series("9 9 9 - 9 9")}
    assert parse(f"FILL(m, {filler})").evaluate(values) == series(expected)


@pytest.mark.parametrize(
    ("r", "v", "n", "expected"),
    [
        ("- - -", "0 0 0", "0 0 0", "- - -"),  # no task ran in the whole range: nothing to take away
        ("- 2 2", "0 0 0", "0 0 0", "- 0 0"),
        ("2 2 -", "0 0 0", "0 0 0", "0 0 0"),  # ECS is later than SQS: the last count holds
        ("2 2 2", "0 0 0", "1 0 1", "1 0 1"),
        ("2 2 0", "5 0 0", "0 0 0", "5 0 1"),
    ],
)
def test_the_zero_alarms_expression_counts_the_messages_while_tasks_run(r: str, v: str, n: str, expected: str) -> None:
    values = {"r": series(r), "v": series(v), "n": series(n), "d": series("0 0 0")}
    assert parse(ARMED).evaluate(values) == series(expected)


def test_if_treats_a_minute_without_queue_metrics_as_zero_while_tasks_run() -> None:
    """The guide: "has the value of 0, if metric1 is TRUE and metric2 does not exist"."""
    values = {"r": series("2 2"), "v": series("3 -"), "n": series("0 -"), "d": series("0 -")}
    assert parse(ARMED).evaluate(values) == series("3 0")


def test_the_surplus_expression_counts_the_tasks_without_work() -> None:
    values = {"r": series("10 10 -"), "n": series("2 7 1"), "v": series("0 11 0")}
    assert parse("r - CEIL(n/1 + v/5)").evaluate(values) == series("8 0 -1")


@pytest.mark.parametrize("name", ["METRICS", "RATE", "ANOMALY_DETECTION_BAND", "RUNNING_SUM"])
def test_an_unsupported_function_is_named(name: str) -> None:
    with pytest.raises(ExpressionError, match=rf"The function {name} in .* is not supported\."):
        parse(f"{name}(m1) + 1")


@pytest.mark.parametrize(
    ("expression", "problem"),
    [
        ("m1 +", "cannot be read at its end"),
        ("m1 % 2", "cannot be read at column 4"),
        ("+m1", "cannot be read at column 1"),
        ("M1", "cannot be read at column 1"),
        ("CEIL(m1, 2)", "CEIL in .* takes 1 argument\\."),
        ("IF(m1)", "IF in .* takes 2 or 3 arguments"),
        ("SUM()", "SUM in .* takes 1 argument\\."),
    ],
)
def test_an_expression_that_cannot_be_parsed_is_refused_with_the_place(expression: str, problem: str) -> None:
    with pytest.raises(ExpressionError, match=problem):
        parse(expression)


@pytest.mark.parametrize(
    ("expression", "problem"),
    [
        ("SUM(m)", "does not give one time series"),
        ("5", "does not give one time series"),
        ("[m, m]", "does not give one time series"),
        ("REPEAT", "does not give one time series"),
        ("m + REPEAT", "REPEAT in .* can only be the second argument of FILL, not of \\+"),
        ("CEIL(LINEAR)", "LINEAR in .* can only be"),
        ("FILL(3, 0)", "FILL in .* needs a time series"),
        ("IF(m, REPEAT, 0)", "REPEAT in .* can only be"),
        ("IF(m, [m, m], 0)", "IF in .* needs a number or a time series"),
        ("SUM([m, m] + [m])", "The two arrays of \\+ in .* differ in length"),
        ("SUM([m, 3])", "an array in .* needs a time series"),
        ("m + other", "refers to other, which is not defined"),
    ],
)
def test_an_expression_without_one_time_series_as_its_result_is_refused(expression: str, problem: str) -> None:
    with pytest.raises(ExpressionError, match=problem):
        parse(expression).evaluate({"m": (1.0, None)})


def test_names_are_the_query_ids_in_an_expression() -> None:
    assert parse(ARMED).names == {"r", "v", "n", "d"}


@given(st.lists(st.tuples(POINTS, POINTS), max_size=12))
def test_addition_treats_a_missing_number_as_zero(pairs: list[tuple[float | None, float | None]]) -> None:
    values = {"a": tuple(a for a, _ in pairs), "b": tuple(b for _, b in pairs)}
    expected = tuple(None if a is None and b is None else (a or 0) + (b or 0) for a, b in pairs)
    assert parse("a + b").evaluate(values) == expected
    assert parse("SUM([a, b])").evaluate(values) == expected


@given(st.lists(POINTS, min_size=1, max_size=12))
def test_filled_series_keep_real_points_and_gain_points_only_between_or_after_them(points: list[float | None]) -> None:
    values = {"m": tuple(points)}
    known = [index for index, point in enumerate(points) if point is not None]
    for kind in ("REPEAT", "LINEAR"):
        filled = parse(f"FILL(m, {kind})").evaluate(values)
        assert all(filled[index] == points[index] for index in known)
        last = len(points) - 1 if kind == "REPEAT" else max(known, default=-1)
        inside = range(min(known, default=len(points)), last + 1)
        assert [i for i, value in enumerate(filled) if value is not None] == list(inside)
    assert None not in parse("FILL(m, 3)").evaluate(values)


@given(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6))
def test_ceiling_and_floor_are_the_integers_around_a_value(a: float, b: float) -> None:
    values = {"m": (a, b)}
    assert parse("CEIL(m)").evaluate(values) == (math.ceil(a), math.ceil(b))
    assert parse("FLOOR(m)").evaluate(values) == (math.floor(a), math.floor(b))


def trees(depth: int) -> st.SearchStrategy[tuple[str, Callable[[int], float | None]]]:
    """An expression of a and b without missing points, and what Python makes of it at an index."""
    leaf = st.one_of(
        st.integers(0, 9).map(lambda n: (str(n), lambda _: float(n))),
        st.sampled_from([("a", lambda i: A[i]), ("b", lambda i: B[i])]),
    )
    if not depth:
        return leaf
    pair = st.tuples(trees(depth - 1), st.sampled_from(list(OPERATORS)), trees(depth - 1))
    return st.one_of(leaf, pair.map(lambda each: (f"({each[0][0]} {each[1]} {each[2][0]})", joined(*each))))


A, B = (3.0, -2.0, 0.0), (5.0, 1.0, 7.0)
OPERATORS: dict[str, Callable[[float, float], float | None]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b if b else None,
    ">=": lambda a, b: float(a >= b),
    "!=": lambda a, b: float(a != b),
    "AND": lambda a, b: float(a != 0 and b != 0),
    "||": lambda a, b: float(a != 0 or b != 0),
}


def joined(left: Any, symbol: str, right: Any) -> Callable[[int], float | None]:
    """Where one series has no point, the operator takes 0. With a number it has no point either."""

    def at(index: int) -> float | None:
        a, b = left[1](index), right[1](index)
        if (a is None and b is None) or (a is None and number(right[0])) or (b is None and number(left[0])):
            return None
        if (a is None and number(left[0])) or (b is None and number(right[0])):
            return None
        return OPERATORS[symbol](a or 0.0, b or 0.0)

    return at


def number(text: str) -> bool:
    return not {"a", "b"} & set(text)


@given(trees(4))
def test_any_expression_equals_the_same_arithmetic_in_python(tree: tuple[str, Callable[[int], float | None]]) -> None:
    text, expected = tree
    found = parse(f"{text} + a * 0").evaluate({"a": A, "b": B})
    assert found == tuple(
        (expected(i) or 0.0) if not number(text) or expected(i) is not None else None for i in range(3)
    )
