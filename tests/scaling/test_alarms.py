"""States of alarms, by the tables of CloudWatch's "Configuring how CloudWatch alarms treat missing data"."""

import json
import pickle
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ebb.scaling.alarms import Alarm, Metric, Missing, Query, State, evaluation_range

OK, ALARM, LACK = State.OK, State.ALARM, State.INSUFFICIENT_DATA
KEEP = "keep"
TREATMENTS: tuple[Missing, ...] = get_args(Missing)
END = 1_800_000_000.0
METRIC = Metric(namespace="AWS/SQS", name="Visible", dimensions=(("QueueName", "q"),), statistic="Maximum")


def alarm(m: int, n: int, **fields: Any) -> Alarm:
    """X is breaching: 1 or more."""
    given: dict[str, Any] = {
        "name": "a",
        "period": 60,
        "threshold": 1.0,
        "comparison": "GreaterThanOrEqualToThreshold",
        "missing": "missing",
        "queries": (Query(id="m", source=METRIC),),
        "watched": "m",
        **fields,
    }
    return Alarm(evaluation_periods=n, datapoints_to_alarm=m, **given)


def points(text: str) -> tuple[float | None, ...]:
    return tuple({"0": 0.0, "X": 1.0, "-": None}[word] for word in text.split())


@pytest.mark.parametrize("previous", list(State))
@pytest.mark.parametrize(
    ("m", "n", "shown", "expected"),
    [
        # AWS's first table, 3 of 3: missing, ignore, breaching, notBreaching
        (3, 3, "0 - X - X", (OK, OK, OK, OK)),
        (3, 3, "0 - - - -", (OK, OK, OK, OK)),
        (3, 3, "- - - - -", (LACK, KEEP, ALARM, OK)),
        (3, 3, "0 X X - X", (ALARM, ALARM, ALARM, ALARM)),
        (3, 3, "- - X - -", (ALARM, KEEP, ALARM, OK)),
        # its second table, 2 of 3
        (2, 3, "0 - X - X", (ALARM, ALARM, ALARM, ALARM)),
        (2, 3, "0 0 X 0 X", (ALARM, ALARM, ALARM, ALARM)),
        (2, 3, "0 - X - -", (OK, OK, ALARM, OK)),
        (2, 3, "- - - - 0", (OK, OK, ALARM, OK)),
        (2, 3, "- - - X -", (ALARM, KEEP, ALARM, OK)),
        # rows of the guide's earlier edition: premature when the only breaching point is too new
        (3, 3, "X - - - -", (ALARM, KEEP, ALARM, OK)),
        (3, 3, "- - - - X", (LACK, KEEP, ALARM, OK)),
        (2, 3, "- - - - X", (LACK, KEEP, ALARM, OK)),
    ],
)
def test_the_guides_tables_of_missing_data(
    m: int, n: int, shown: str, expected: tuple[State | str, ...], previous: State
) -> None:
    for treatment, state in zip(TREATMENTS, expected, strict=True):
        found = alarm(m, n, missing=treatment).evaluate(points(shown), previous).state
        assert found == (previous if state == KEEP else state), treatment


@pytest.mark.parametrize(
    ("comparison", "breaching"),
    [
        ("GreaterThanOrEqualToThreshold", [1, 2]),
        ("GreaterThanThreshold", [2]),
        ("LessThanThreshold", [0]),
        ("LessThanOrEqualToThreshold", [0, 1]),
    ],
)
def test_each_comparison_breaches_on_its_side_of_the_threshold(comparison: str, breaching: list[int]) -> None:
    tested = alarm(1, 1, comparison=comparison)
    assert [value for value in (0, 1, 2) if tested.evaluate((float(value),), OK).state is ALARM] == breaching


def test_a_one_of_one_alarm_keeps_its_state_for_six_minutes_after_its_last_point() -> None:
    """Stack Overflow 64045238: notBreaching, last breach about 17:20, back to OK at 17:27."""
    tested = alarm(1, 1, missing="notBreaching")
    assert tested.range == 6
    states = [tested.evaluate((None,) * (5 - age) + (1.0,) + (None,) * age, OK).state for age in range(6)]
    assert states == [ALARM] * 6
    assert tested.evaluate((None,) * 6, ALARM).state is OK


@pytest.mark.parametrize(("period", "n", "expected"), [(60, 1, 6), (60, 5, 10), (300, 3, 5), (86400, 1, 3)])
def test_more_points_are_retrieved_than_evaluated(period: int, n: int, expected: int) -> None:
    assert evaluation_range(period, n) == expected
    assert alarm(1, n, period=period).range == expected


@pytest.mark.parametrize(
    ("size", "shown", "previous", "reason"),
    [
        (
            (1, 1),
            "X",
            OK,
            (
                "1 out of the last 1 datapoints [1.0 (15/01/27 07:59:00)] was greater than or equal to the"
                " threshold (1.0) (minimum 1 datapoint for OK -> ALARM transition)."
            ),
        ),
        (
            (2, 3),
            "X 0 X",
            OK,
            (
                "2 out of the last 3 datapoints [1.0 (15/01/27 07:57:00), 1.0 (15/01/27 07:59:00)] were greater than or"
                " equal to the threshold (1.0) (minimum 2 datapoints for OK -> ALARM transition)."
            ),
        ),
        (
            (2, 3),
            "0 0 X",
            ALARM,
            (
                "2 out of the last 3 datapoints [0.0 (15/01/27 07:57:00), 0.0 (15/01/27 07:58:00)] were not greater"
                " than or equal to the threshold (1.0) (minimum 2 datapoints for ALARM -> OK transition)."
            ),
        ),
        (
            (1, 1),
            "0",
            OK,
            (
                "1 out of the last 1 datapoints [0.0 (15/01/27 07:59:00)] was not greater than or equal to the"
                " threshold (1.0)."
            ),
        ),
    ],
)
def test_a_reason_names_the_points_as_cloudwatch_does(
    size: tuple[int, int], shown: str, previous: State, reason: str
) -> None:
    assert alarm(*size).evaluate(points(shown), previous, END).reason == f"Threshold Crossed: {reason}"


@pytest.mark.parametrize(
    ("n", "treatment", "shown", "reason"),
    [
        (
            1,
            "notBreaching",
            "- -",
            (
                "Threshold Crossed: no datapoints were received for 1 period and 1 missing datapoint was treated as"
                " [NonBreaching]."
            ),
        ),
        (
            3,
            "breaching",
            "- - -",
            (
                "Threshold Crossed: no datapoints were received for 3 periods and 3 missing datapoints were treated as"
                " [Breaching]."
            ),
        ),
        (3, "notBreaching", "- - X", "Threshold Crossed: 2 missing datapoints were treated as [NonBreaching]."),
        (3, "missing", "- - -", "Insufficient Data: 3 datapoints were unknown."),
        (1, "missing", "-", "Insufficient Data: 1 datapoint was unknown."),
    ],
)
def test_a_reason_says_how_missing_points_were_treated(n: int, treatment: str, shown: str, reason: str) -> None:
    assert alarm(n, n, missing=treatment).evaluate(points(shown), OK, END).reason == reason


def test_policies_receive_the_real_points_that_decided() -> None:
    assert alarm(2, 3).evaluate((9.0, 1.0, None, 2.0, 0.0), OK).points == (1.0, 2.0, 0.0)


def test_reason_data_is_json_with_the_points_and_the_threshold() -> None:
    tested = alarm(1, 1)
    data = json.loads(tested.evaluate((2.0,), OK).reason_data(END))
    assert data == {
        "version": "1.0",
        "queryDate": "2027-01-15T08:00:00.000+0000",
        "period": 60,
        "recentDatapoints": [2.0],
        "threshold": 1.0,
    }


def test_a_math_alarm_watches_an_expression_of_expressions() -> None:
    other = Metric(namespace="AWS/SQS", name="NotVisible", dimensions=(), statistic="Maximum")
    queries = (
        Query(id="e2", source="e1 * 2"),
        Query(id="e1", source="v + n"),
        Query(id="v", source=METRIC),
        Query(id="n", source=other),
    )
    tested = alarm(1, 1, queries=queries, watched="e2")
    assert tested.metrics == (METRIC, other)
    assert tested.series({METRIC: (1.0, None), other: (2.0, 3.0)}) == (6.0, 6.0)


def test_filling_the_newest_minute_with_zero_keeps_an_alarm_in_ok_as_the_guide_warns() -> None:
    """ "The most recent minute never has data … FILL replaces that …; work around this by using a M out of N alarm"."""
    queries = (Query(id="e", source="FILL(v, 0)"), Query(id="v", source=METRIC))
    published = {METRIC: (9.0, 9.0, 9.0, None)}
    one, two = (alarm(1, n, queries=queries, watched="e") for n in (1, 2))
    assert one.evaluate(one.series(published), OK).state is OK
    assert two.evaluate(two.series(published), OK).state is ALARM
    plain = alarm(1, 1)
    assert plain.evaluate(plain.series(published), OK).state is ALARM


def test_points_may_be_given_by_the_ids_of_their_queries() -> None:
    queries = (Query(id="e", source="v + 1"), Query(id="v", source=METRIC))
    assert alarm(1, 1, queries=queries, watched="e").compute({"v": (1.0, None)}) == (2.0, None)
    assert alarm(1, 1, queries=queries, watched="v").compute({"v": (1.0, None)}) == (1.0, None)


@pytest.mark.parametrize(("period", "seconds"), [(10, 10), (20, 10), (30, 10), (60, 60), (300, 60), (86400, 60)])
def test_an_alarm_is_evaluated_each_minute_and_a_high_resolution_one_each_ten_seconds(
    period: int, seconds: int
) -> None:
    assert alarm(1, 1, period=period).interval == seconds


def test_an_alarm_can_be_pickled_after_its_first_evaluation() -> None:
    queries = (Query(id="e", source="v + 1"), Query(id="v", source=METRIC))
    tested = alarm(1, 1, queries=queries, watched="e")
    tested.series({METRIC: (1.0,)})
    sent = pickle.loads(pickle.dumps(tested))
    assert sent == tested
    assert sent.series({METRIC: (1.0,)}) == (2.0,)


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"period": 45}, "the period must be 10, 20, 30 or a multiple of 60 seconds, got 45"),
        ({"period": 90}, "the period must be .*, got 90"),
        ({"n": 1441}, "must last at most 86400 seconds together, got 86460"),
        ({"n": 8, "period": 86400}, "must last at most 604800 seconds together, got 691200"),
        ({"m": 2, "n": 1}, "Alarm a: datapoints to alarm must be 1 to 1 .*, got 2"),
        ({"m": 0, "n": 1}, "Alarm a: datapoints to alarm must be 1 to 1 .*, got 0"),
        ({"watched": "x"}, "Alarm a: no query returns data"),
        ({"queries": (Query(id="m", source="v + 1"),)}, "Alarm a: 'v \\+ 1' refers to v, which is not defined"),
        (
            {"queries": tuple(Query(id=f"m{i}", source=METRIC) for i in range(11)), "watched": "m1"},
            "at most 10 metrics",
        ),
        ({"queries": (Query(id="m", source="RATE(m)"),)}, "RATE in .* is not supported"),
    ],
)
def test_an_alarm_that_cloudwatch_refuses_is_refused(fields: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        alarm(**{"m": 1, "n": 1, **fields})


def test_expressions_that_refer_to_each_other_are_refused() -> None:
    tested = alarm(1, 1, queries=(Query(id="a", source="b + 1"), Query(id="b", source="a + 1")), watched="a")
    with pytest.raises(ValueError, match="Alarm a: the expressions a, b refer to each other"):
        tested.series({})


SERIES = st.lists(st.sampled_from([None, 0.0, 1.0]), min_size=1, max_size=10).map(tuple)
SIZES = st.integers(1, 5).flatmap(lambda n: st.tuples(st.integers(1, n), st.just(n)))


@given(SIZES, SERIES, st.sampled_from(TREATMENTS), st.sampled_from(list(State)))
def test_with_enough_real_points_the_treatment_of_missing_ones_is_ignored(
    size: tuple[int, int], shown: tuple[float | None, ...], treatment: Missing, previous: State
) -> None:
    m, n = size
    real = [point for point in shown if point is not None]
    found = alarm(m, n, missing=treatment).evaluate(shown, previous)
    state = found.state
    assert found.reason
    if len(real) >= n:
        assert state is (ALARM if sum(real[-n:]) >= m else OK)
    elif treatment == "breaching":
        assert state is (ALARM if sum(real) + n - len(real) >= m else OK)
    elif treatment == "notBreaching":
        assert state is (ALARM if sum(real) >= m else OK)
    elif treatment == "ignore":
        assert state is ALARM or state is previous or 0.0 in real
    else:
        assert (state is LACK) <= (0.0 not in real)


@pytest.mark.parametrize("treatment", TREATMENTS)
def test_an_alarm_with_a_metric_of_dynamodb_ignores_missing_data(treatment: Missing) -> None:
    throttled = Metric(namespace="AWS/DynamoDB", name="ReadThrottleEvents", dimensions=(), statistic="Sum")
    found = alarm(1, 1, missing=treatment, queries=(Query(id="m", source=throttled),))
    assert found.evaluate(points("- - -"), ALARM).state is ALARM
    # a sum with a metric that has each point ends with the last throttled request
    both = (Query(id="t", source=throttled), Query(id="v", source=METRIC), Query(id="e", source="t + 0 * v"))
    ends = alarm(1, 1, missing=treatment, queries=both, watched="e")
    series = ends.series({throttled: points("X - -"), METRIC: points("0 0 0")})
    assert ends.evaluate(series, ALARM).state is OK
