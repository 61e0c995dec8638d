"""Fits delays to samples: each is log-normal, with a median, its 95 % interval and a sigma."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import NormalDist, median

import numpy as np
from numpy.typing import NDArray

from ebb.forecast.calibrate.samples import Age
from ebb.forecast.durations import MINUTE

#: Fewer samples have no 95 % interval of their median: in 6 % of the cases five are all on one side of it.
MIN_SAMPLES = 6
TAIL = 0.025
#: Seconds: the clocks of the history show no shorter delay.
SHORTEST = 0.05
#: A second of the minute counts as known if all alarms were evaluated within this of it.
MAX_SPREAD_SECONDS = 15


@dataclass(frozen=True, kw_only=True)
class Delay:
    """A log-normal delay: the median in seconds, its 95 % interval, sigma of the logarithm, and the samples behind."""

    median: float
    low: float
    high: float
    sigma: float
    samples: int


@dataclass(frozen=True, kw_only=True)
class Second:
    """The second of the minute at which the alarms that add tasks are evaluated: from `low` to `high`.

    `low` is below 0 if the range contains the full minute.
    """

    low: float
    high: float
    samples: int


def delay(samples: Sequence[float]) -> Delay | None:
    """The delay behind samples that were measured; None for fewer than MIN_SAMPLES.

    The interval is exact for any distribution: so many of the samples are below the median (sign test).
    """
    ordered = sorted(max(SHORTEST, sample) for sample in samples)
    count = len(ordered)
    if count < MIN_SAMPLES:
        return None
    middle = median(ordered)
    outside = _outside(count)
    sigma = math.sqrt(math.fsum(math.log(value / middle) ** 2 for value in ordered) / count)
    return Delay(median=middle, low=ordered[outside], high=ordered[-1 - outside], sigma=sigma, samples=count)


def _outside(count: int) -> int:
    """How many of so many samples may be left out at each end of the median's interval."""
    total, below = 0.0, 0
    while (total := total + math.comb(count, below) / 2**count) <= TAIL:
        below += 1
    return below - 1


def second(samples: Sequence[float]) -> Second | None:
    """The second of the minute, from samples from 0 to 60; None for too few of them, or if they have no one second."""
    if len(samples) < MIN_SAMPLES:
        return None
    # the minute is a circle: the range begins after the widest gap
    ordered = sorted(sample % MINUTE for sample in samples)
    gaps = [(after - before, after) for before, after in pairwise([*ordered, ordered[0] + MINUTE])]
    widest, begin = max(gaps)
    width = MINUTE - widest
    if width > MAX_SPREAD_SECONDS:
        return None
    low = begin % MINUTE
    low -= MINUTE if low + width >= MINUTE else 0
    return Second(low=low, high=low + width, samples=len(ordered))


# Publishing is not measured by itself. A sample that is taken at second p of a minute is in CloudWatch after a delay
# d. The alarm acts on it at its next evaluation if p + d is at most the age of the data point then. A minute before, it
# has seen neither this point nor an older one that counts the job. p is not known, but the same for all.

#: Seconds. Without samples each of these medians is equally likely.
_MEDIANS = np.arange(1.0, 301.0, 2.0)
_SIGMAS = np.array([0.03, 0.1, 0.2, 0.3, 0.45, 0.6, 0.9])
_PHASES = np.arange(0.0, MINUTE + 1)
#: The share of alarms that another thing than the delay explains, such as a queue that was dormant; the time of these.
_OUTLIERS, _OUTLIER_SECONDS = 0.02, 15 * MINUTE
_Z = np.linspace(-6, 6, 2401)
_PHI = np.array([NormalDist().cdf(z) for z in _Z])


def publishing(ages: Sequence[Age]) -> Delay | None:
    """The delay of the queue's metrics, with the interval of its posterior; None for fewer than MIN_SAMPLES."""
    if len(ages) < MIN_SAMPLES:
        return None
    likelihood = np.ones((len(_MEDIANS), len(_SIGMAS), len(_PHASES)))
    for age in ages:
        likelihood *= (1 - _OUTLIERS) * _likelihood(age) + _OUTLIERS * MINUTE / _OUTLIER_SECONDS
        likelihood /= likelihood.max()
    posterior = likelihood.sum(axis=2)
    of_medians = posterior.sum(axis=1) / posterior.sum()
    low, middle, high = (float(np.interp(share, np.cumsum(of_medians), _MEDIANS)) for share in (TAIL, 0.5, 1 - TAIL))
    sigma = float((posterior.sum(axis=0) / posterior.sum()) @ _SIGMAS)
    return Delay(median=middle, low=low, high=high, sigma=sigma, samples=len(ages))


def _likelihood(age: Age) -> NDArray[np.float64]:
    """How likely it is that an alarm acts on a point of this age, by median, sigma and phase."""
    likely = _known(age.seconds) - _known(age.seconds - MINUTE)
    for newer in range(1, int(age.seconds // MINUTE)):
        likely = likely * (1 - _known(age.seconds - newer * MINUTE))
    if age.earliest is not None:
        older = np.floor((_PHASES - age.earliest) / MINUTE)  # points that count the job too
        likely = np.where(older < 0, 0, likely)
        for place in range(1, 1 + int(max(0, older.max()))):
            unseen = 1 - _known(age.seconds + (place - 1) * MINUTE)
            likely = np.where(older >= place, likely * unseen, likely)
    return likely


def _known(age: float) -> NDArray[np.float64]:
    """The share of points of this age that CloudWatch knows; none of a minute that has not ended."""
    return _below(age - _PHASES) if age >= MINUTE else np.zeros((1, 1, len(_PHASES)))


def _below(seconds: NDArray[np.float64]) -> NDArray[np.float64]:
    """The share of delays up to these seconds, by median, sigma and phase."""
    logarithms = np.log(np.maximum(seconds, 1e-9))
    z = (logarithms[None, None, :] - np.log(_MEDIANS)[:, None, None]) / _SIGMAS[None, :, None]
    shares: NDArray[np.float64] = np.interp(z, _Z, _PHI)
    return shares
