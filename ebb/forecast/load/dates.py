"""Dates of a load: when it begins, and in which time zone its days are."""

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from ebb.errors import UserError

#: The start of loads without dates: a Monday.
MONDAY = datetime(2024, 1, 1)
#: The years of AWS's cron expressions (EventBridge guide, eb-cron-expressions.html).
YEARS = (1970, 2199)
#: Unix seconds: no date of a load is later.
END = datetime(YEARS[1] + 1, 1, 1, tzinfo=UTC).timestamp()


@dataclass(frozen=True)
class Calendar:
    """The start of a load. Without an offset it is a local time in `zone`, as warm hours are."""

    zone: str = "UTC"
    start: datetime = MONDAY

    @property
    def origin(self) -> float:
        """The start in Unix seconds."""
        start = self.start if self.start.tzinfo else self.start.replace(tzinfo=ZoneInfo(self.zone))
        return start.timestamp()

    def nights(self, number: int, at: time) -> list[float]:
        """The next local times `at`, each on its own day, in seconds from the start."""
        zone, origin = ZoneInfo(self.zone), self.origin
        first = datetime.fromtimestamp(origin, zone).date()
        moments = (datetime.combine(first + timedelta(day), at, zone).timestamp() for day in range(number + 1))
        return [moment - origin for moment in moments if moment >= origin][:number]


#: Monday 2024-01-01, 00:00 UTC.
ORIGIN = Calendar().origin


def read(text: str | None, zone: str) -> Calendar:
    """The calendar of `--start` and the stack's time zone. Raises UserError."""
    if text is None:
        return Calendar(zone)
    moment = parse(text)
    if moment is None:
        raise UserError(
            f"--start is a date of the years {YEARS[0]} to {YEARS[1]}, such as 2026-03-28, 2026-03-28T09:00 or "
            f"2026-03-28T09:00+02:00, not {text[:40]!r}."
        )
    return Calendar(zone, moment)


def parse(text: str) -> datetime | None:
    """A date or a date with a time, with or without an offset; None for all else."""
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        return None
    # a day's margin, because an offset can move the year
    return moment if YEARS[0] < moment.year < YEARS[1] or (moment.year == YEARS[1] and moment.month < 12) else None
