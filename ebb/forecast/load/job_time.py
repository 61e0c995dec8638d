"""How long jobs take. Reads the value of `--job`."""

import math
from dataclasses import dataclass
from random import Random

from ebb.errors import UserError
from ebb.forecast import durations

DEFAULT_JOB = "60s"
MAX_SIGMA = 3


@dataclass(frozen=True)
class JobTime:
    """How long jobs take, in seconds: always `median`, or log-normally distributed around it."""

    text: str
    median: float
    sigma: float = 0.0

    def draw(self, random: Random) -> float:
        """One job's seconds."""
        return self.median * math.exp(random.gauss(0.0, self.sigma)) if self.sigma else self.median


def job_time(text: str, of: str = "A job") -> JobTime:
    """Reads `30s`, or `lognormal:30s,0.5` (the median, and sigma of the logarithm).

    `of` begins the sentence of an error. Raises UserError.
    """
    kind, colon, rest = text.partition(":")
    if not colon:
        return JobTime(text, durations.positive(text, of))
    median, comma, sigma = rest.partition(",")
    if kind != "lognormal" or not comma:
        raise UserError(f"{of}'s time is a time such as 30s, or lognormal:MEDIAN,SIGMA, not {text!r}.")
    try:
        spread = float(sigma)
    except ValueError:
        spread = math.nan
    if not 0 <= spread <= MAX_SIGMA:
        raise UserError(f"The sigma of a log-normal time must be a number from 0 to {MAX_SIGMA}, not {sigma!r}.")
    return JobTime(text, durations.positive(median, of), spread)
