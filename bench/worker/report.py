"""The arithmetic of the comparison, and its tables."""

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Mark:
    """A moment of a run: seconds, messages left, CPU seconds used so far by the contestant and by the emulator."""

    time: float
    left: int
    cpu: float
    emulator: float


@dataclass(frozen=True)
class Figures:
    """One run: messages per second, and CPU milliseconds per message of the contestant and of the emulator."""

    pace: float
    cpu: float
    emulator: float


@dataclass(frozen=True)
class Rest:
    """A contestant at rest: the part of a core that it uses, MiB of its first process and of all others, processes."""

    idle: float
    parent: float
    children: float
    processes: int


def figures(waves: Sequence[tuple[Mark, Mark]]) -> Figures:
    """The figures of the waves together."""
    messages = sum(begin.left - end.left for begin, end in waves)
    seconds = sum(end.time - begin.time for begin, end in waves)
    cpu = sum(end.cpu - begin.cpu for begin, end in waves)
    emulator = sum(end.emulator - begin.emulator for begin, end in waves)
    return Figures(messages / seconds, 1000 * cpu / messages, 1000 * emulator / messages)


def ratios(runs: Sequence[Figures], base: Sequence[Figures]) -> list[float]:
    """The pace in each round as a multiple of the base's in the same round."""
    return [run.pace / other.pace for run, other in zip(runs, base, strict=True)]


def spread(values: Sequence[float], digits: int) -> str:
    """Median, and least and most."""
    median, least, most = (f"{value:,.{digits}f}" for value in (statistics.median(values), min(values), max(values)))
    return median if len(values) == 1 else f"{median} ({least} to {most})"


def pace_table(title: str, runs: dict[str, list[Figures]]) -> str:
    """How fast; the first is what the others are compared with."""
    base = next(iter(runs.values()))

    def each(of: Sequence[Figures], value: Callable[[Figures], float], digits: int) -> str:
        return spread([value(run) for run in of], digits)

    lines = [
        f"| {title} | messages/s | to {next(iter(runs))} | CPU ms/message | emulator's CPU ms/message |",
        "|---|---|---|---|---|",
    ]
    lines += [
        f"| {name} | {each(of, lambda run: run.pace, 0)} | {spread(ratios(of, base), 2)} "
        f"| {each(of, lambda run: run.cpu, 2)} | {each(of, lambda run: run.emulator, 2)} |"
        for name, of in runs.items()
    ]
    return "\n".join(lines)


def rest_table(rests: dict[str, Rest]) -> str:
    """What each takes while there is nothing to do."""
    lines = ["| at rest | % of a core | first process, MiB | others, MiB | processes |", "|---|---|---|---|---|"]
    lines += [
        f"| {name} | {100 * rest.idle:.2f} | {rest.parent:.0f} | {rest.children:.0f} | {rest.processes} |"
        for name, rest in rests.items()
    ]
    return "\n".join(lines)
