"""The pull of the image at each task's start. Reads the value of `--image`."""

import math
from dataclasses import dataclass

from ebb.errors import UserError
from ebb.forecast.durations import DAY

#: Mbit/s at which a Fargate task pulls and unpacks an image from ECR. Between two measurements: 413 MB took 34 s longer
#: than a small image (elasticscale.com, 2024-04-10), and 2,700 MB took 32 s longer (drorspei.com, 2026-01-23).
PULL_MEGABITS = 250


@dataclass(frozen=True, kw_only=True)
class Pull:
    """An image of `megabytes`, pulled at `megabits` per second.

    `shared`: through a path that all tasks share, as NAT without an S3 gateway endpoint. Otherwise each task has this
    rate.
    """

    megabytes: float
    megabits: float = PULL_MEGABITS
    shared: bool = False

    @property
    def seconds(self) -> float:
        """How long one task's pull takes; not a number or infinite for numbers that make no sense."""
        return self.megabytes * 8 / self.megabits if self.megabytes > 0 and self.megabits > 0 else math.nan


def read(text: str) -> Pull:
    """Reads MB, or MB,MBIT/S of a shared path. Raises UserError."""
    megabytes, comma, megabits = text.partition(",")
    try:
        pull = Pull(
            megabytes=float(megabytes), megabits=float(megabits) if comma else PULL_MEGABITS, shared=bool(comma)
        )
    except ValueError:
        pull = None
    if pull is None or not (0 < pull.seconds <= DAY):
        raise UserError(
            f"An image is MB, or MB,MBIT/S of a shared path, such as 400 or 400,32, not {text[:60]!r}. Its pull takes "
            "at most a day."
        )
    return pull
