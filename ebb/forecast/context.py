"""What all parts of one run share."""

from dataclasses import dataclass
from random import Random

from ebb.forecast.clock import Clock
from ebb.forecast.record import Record
from ebb.forecast.setup import Setup
from ebb.forecast.world import World


@dataclass(frozen=True)
class Context:
    """A setup in a world, with the run's time, its notes and its chance."""

    setup: Setup
    world: World
    clock: Clock
    record: Record
    random: Random
