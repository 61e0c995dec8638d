"""A calibration: the delays of a stack, fitted to its history, and its file, which the next forecast reads."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import ConfigDict, TypeAdapter, ValidationError

from ebb import project
from ebb.errors import UserError
from ebb.forecast.calibrate import samples
from ebb.forecast.calibrate.fit import MIN_SAMPLES, Delay, Second, delay, publishing, second
from ebb.forecast.calibrate.records import History
from ebb.forecast.model.assumptions import STARTS, Assumptions, LogNormal, Uniform
from ebb.forecast.scenario.stack import find

#: The folder next to the stack files.
FOLDER = "calibration"


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """The delays of a stack between two times (Unix seconds); None where there are too few samples.

    `publish`: from a sample of the queue to its data point. `reaction`: from an alarm to the change of the count.
    `starts`: from that change to a task's first receive. `second`: of the minute, at which alarms are evaluated.
    """

    __pydantic_config__ = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)

    stack: str
    since: float
    until: float
    publish: Delay | None = None
    reaction: Delay | None = None
    starts: Delay | None = None
    second: Second | None = None

    @property
    def empty(self) -> bool:
        """Whether no delay is known."""
        return not (self.publish or self.reaction or self.starts)


def fit(stack: str, history: History) -> Calibration:
    """The delays that the history shows."""
    return Calibration(
        stack=stack,
        since=history.since,
        until=history.until,
        publish=publishing(samples.ages(history)),
        reaction=delay(samples.reactions(history)),
        starts=delay(samples.starts(history)),
        second=second(samples.seconds_of_alarms(history)),
    )


def missing(history: History) -> list[str]:
    """What there is too little of, each with its number, such as "4 of 6 starts of tasks"."""
    found: dict[str, Sequence[object]] = {
        "alarms that added tasks": samples.ages(history),
        "changes of the count after an alarm": samples.reactions(history),
        "starts of tasks": samples.starts(history),
    }
    return [f"{len(each)} of {MIN_SAMPLES} {what}" for what, each in found.items() if len(each) < MIN_SAMPLES]


def calibrated(assumptions: Assumptions, found: Calibration) -> Assumptions:
    """The assumptions with the delays of a calibration."""
    return replace(assumptions, **dict(_fields(found)))


def _fields(found: Calibration) -> Iterator[tuple[str, Any]]:
    for name in ("publish", "reaction"):
        of = getattr(found, name)
        if of is not None:
            yield name, LogNormal(of.median, of.sigma)
    if found.starts is not None:
        yield "starts", dict.fromkeys(STARTS, LogNormal(found.starts.median, found.starts.sigma))
    if found.second is not None:
        yield "alarm_phase", Uniform(found.second.low, found.second.high)


def file_of(stack: str, folder: Path | None = None) -> Path:
    """The file of a stack's calibration: next to its stack file."""
    return (folder or project.ROOT) / FOLDER / f"{stack}.json"


_ADAPTER = TypeAdapter(Calibration)


def load(stack: str, folder: Path | None = None) -> Calibration | None:
    """The calibration in a stack's file; None without one. Raises UserError for a file that `ebb` did not write."""
    path = file_of(stack, folder)
    try:
        return _ADAPTER.validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}.") from None
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"])) or "the file"
        raise UserError(
            f"{FOLDER}/{path.name} is not what `ebb calibrate` writes ({place}: {first['msg']}): run it again, or "
            f"`ebb calibrate --stack {stack} --forget`."
        ) from None


def save(found: Calibration, folder: Path | None = None) -> Path:
    """Write a stack's calibration, also over an older one. Returns the file. Raises UserError."""
    path = file_of(found.stack, folder)
    try:
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(_ADAPTER.dump_json(found, indent=2) + b"\n")
    except OSError as error:
        raise UserError(f"{path} cannot be written: {error.strerror}.") from None
    return path


def forget(stack: str, folder: Path | None = None) -> bool:
    """Delete a stack's calibration. Returns whether there was one. Raises UserError."""
    path = file_of(stack, folder)
    try:
        path.unlink()
    except FileNotFoundError:
        return False
    except OSError as error:
        raise UserError(f"{path} cannot be deleted: {error.strerror}.") from None
    return True


def assumptions(stack: str) -> tuple[Assumptions, str]:
    """The assumptions for a stack, by its name or its file's path, and a sentence if it has a calibration.

    Raises UserError.
    """
    folder, name = find(stack)
    found = load(name, folder)
    return (Assumptions(), "") if found is None else (calibrated(Assumptions(), found), said(found))


def said(found: Calibration) -> str:
    """The sentence of a forecast that uses it."""
    until = datetime.fromtimestamp(found.until, UTC).strftime("%Y-%m-%d")
    names = {"publish": "SQS's metrics", "reaction": "alarm to UpdateService", "starts": "start of a task"}
    parts = [f"{words} {getattr(found, name).median:.3g} s" for name, words in names.items() if getattr(found, name)]
    return f"Delays from {FOLDER}/{found.stack}.json, measured until {until}: {', '.join(parts)}."
