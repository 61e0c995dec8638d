"""The fit: exact intervals of delays that were measured, and one of publishing, which no time shows."""

import math
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ebb.forecast.calibrate.calibration import calibrated, fit
from ebb.forecast.calibrate.fit import MIN_SAMPLES, SHORTEST, delay, publishing, second
from ebb.forecast.calibrate.samples import Age
from ebb.forecast.model.assumptions import STARTS, Assumptions, Constant, Distribution, LogNormal, Uniform
from tests.forecast.calibrate.simulated import history

SECONDS = st.floats(SHORTEST, 600)


@given(st.lists(SECONDS, max_size=40))
def test_a_delay_needs_six_samples_and_its_interval_is_one_of_them(samples: list[float]) -> None:
    found = delay(samples)
    if len(samples) < MIN_SAMPLES:
        assert found is None
        return
    assert found is not None
    assert min(samples) <= found.low <= found.median <= found.high <= max(samples)
    assert {found.low, found.high} <= set(samples)
    assert (found.samples, found.sigma >= 0) == (len(samples), True)


@given(st.integers(MIN_SAMPLES, 60))
def test_the_interval_leaves_out_as_many_samples_as_the_sign_test_allows(count: int) -> None:
    found = delay([float(number) for number in range(1, count + 1)])
    assert found is not None
    outside = round(found.low) - 1
    assert found.high == count - outside

    def share(most: int) -> float:
        return float(sum(math.comb(count, below) for below in range(most + 1)) / 2**count)

    assert share(outside) <= 0.025 < share(outside + 1)


@given(st.lists(SECONDS, min_size=MIN_SAMPLES, max_size=20), st.floats(0.1, 10))
def test_delays_that_are_longer_by_a_factor_have_the_same_sigma(samples: list[float], factor: float) -> None:
    ones, others = delay([max(1, each) for each in samples]), delay([max(1, each) * factor for each in samples])
    assert ones is not None
    assert others is not None
    assert others.median == pytest.approx(factor * ones.median)
    assert others.sigma == pytest.approx(ones.sigma, abs=1e-9)


def test_a_delay_of_zero_is_the_shortest_one() -> None:
    found = delay([0.0] * MIN_SAMPLES)
    assert found is not None
    assert (found.median, found.sigma) == (SHORTEST, 0.0)


@given(st.floats(0, 59.99), st.lists(st.floats(0, 10), min_size=MIN_SAMPLES, max_size=12))
def test_the_second_of_the_minute_is_found_across_the_full_minute_too(first: float, later: list[float]) -> None:
    found = second([(first + each) % 60 for each in later])
    assert found is not None
    assert found.high - found.low == pytest.approx(max(later) - min(later), abs=1e-6)
    assert (found.low - first - min(later)) % 60 == pytest.approx(0, abs=1e-6) or (
        found.low - first - min(later)
    ) % 60 == pytest.approx(60, abs=1e-6)
    assert -60 < found.low < 60


def test_alarms_at_any_second_have_no_second() -> None:
    assert second([0, 20, 40, 0, 20, 40]) is None
    assert second([1, 1, 1, 1, 1]) is None


def test_an_alarm_that_was_seen_at_two_ages_shows_the_delay_between_them() -> None:
    # each sample at second 0: the point was known 80 s after it, but not always 20 s after it
    known = [Age(80, 0)] * 10 + [Age(140, 0)] * 10
    found = publishing(known)
    assert found is not None
    assert found.low < 80 < found.high


def test_fewer_alarms_show_no_publishing() -> None:
    assert publishing([Age(80, 0)] * (MIN_SAMPLES - 1)) is None


# the fit of a simulated stack, whose delays it does not know

HIDDEN: tuple[tuple[Distribution, float], ...] = (
    (Uniform(8, 40), 24),
    (LogNormal(50, 0.3), 50),
    (LogNormal(100, 0.3), 100),
)


@pytest.mark.parametrize(("publish", "median"), HIDDEN)
@pytest.mark.parametrize("seed", [1, 2])
def test_the_delays_of_a_simulated_stack_are_within_their_intervals(
    publish: Distribution, median: float, seed: int
) -> None:
    random = Random(seed)
    reaction, start = random.uniform(2, 20), random.uniform(20, 120)
    starts = dict.fromkeys(STARTS, LogNormal(start, 0.2))
    hidden = Assumptions(publish=publish, reaction=LogNormal(reaction, 0.2), starts=starts)
    found = fit("s", history(hidden, wakes=20, seed=seed))
    wakes = 20
    known = ((found.publish, median, wakes), (found.reaction, reaction, 2 * wakes), (found.starts, start, wakes))
    for of, truth, samples in known:
        assert of is not None
        assert of.low <= truth <= of.high
        assert of.samples == samples
    assert found.second is not None
    assert found.second.high - found.second.low < 0.01


def test_a_calibrated_forecast_has_the_delays_and_all_other_assumptions_stay() -> None:
    found = fit("s", history(Assumptions(starts=dict.fromkeys(STARTS, Constant(70))), wakes=8))
    made = calibrated(Assumptions(), found)
    assert found.publish is not None
    assert found.reaction is not None
    assert found.second is not None
    assert made == Assumptions(
        publish=LogNormal(found.publish.median, found.publish.sigma),
        reaction=LogNormal(found.reaction.median, found.reaction.sigma),
        starts=made.starts,
        alarm_phase=Uniform(found.second.low, found.second.high),
    )
    start = made.starts["measured"]
    assert isinstance(start, LogNormal)
    assert start.median == pytest.approx(70)
