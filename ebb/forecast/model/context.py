"""What all parts of one run share."""

from dataclasses import dataclass
from random import Random

from ebb.forecast.model.assumptions import World
from ebb.forecast.model.clock import Clock
from ebb.forecast.model.record import Record
from ebb.forecast.scenario import Setup


@dataclass(frozen=True)
class Context:
    """A setup in a world, with the run's time, its notes and its chance."""

    setup: Setup
    world: World
    clock: Clock
    record: Record
    random: Random
