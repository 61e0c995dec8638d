"""Writes the tables of docs/runbook.md: which alarms go into ALARM on which days. With --check: are they current?"""

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from ebb.scaling.alarms import Alarm, State
from policy import monitoring
from tools.alarm_days import days, recommended
from tools.alarm_days.series import Span, alarm, changes

PAGE = Path(__file__).parents[1] / "docs" / "runbook.md"
BEGIN, END = "<!-- tables -->\n", "<!-- end of tables -->"
HOUR = 60  # minutes


def tables() -> str:
    """The tables."""
    ours = {role: alarm(role, plan) for role, plan in monitoring.alarms(days.SETTINGS).items()}
    theirs = recommended.alarms()
    good = {"an idle week": days.idle_week(), "a healthy busy day": days.busy_day()}
    lines = ["| day | operators' alarms in ALARM | AWS's recommended alarms in ALARM |", "|---|---|---|"]
    lines += [f"| {name} | {_names(ours, spans)} | {_names(theirs, spans)} |" for name, spans in good.items()]
    lines += ["", "The minutes are from the fault's begin to ALARM, and from its end to OK. AWS's alarms that are in"]
    lines += ["ALARM on an idle stack anyway are left out.", ""]
    lines += ["| fault | operators' alarms | begins after | ends after | AWS's |", "|---|---|---|---|---|"]
    return "\n".join([*lines, *_faults(ours, theirs)]) + "\n"


def _faults(ours: Mapping[str, Alarm], theirs: Mapping[str, Alarm]) -> Iterator[str]:
    for role, fault in days.faults().items():
        begun, ended = (change.minute - days.BEFORE for change in changes(ours[role], fault.spans))
        others = [name for name, each in ours.items() if name != role and _in_alarm(each, fault)]
        also = f" (also {', '.join(others)})" if others else ""
        found = ", ".join(_with_end(name, each, fault) for name, each in theirs.items() if _in_alarm(each, fault))
        yield (
            f"| {fault.what} | [{role}](#{role}){also} | {_duration(begun)} | {_duration(ended - fault.minutes)} | "
            f"{found or '-'} |"
        )


def _names(alarms: Mapping[str, Alarm], spans: list[Span]) -> str:
    found = [name for name, each in alarms.items() if any(x.state is State.ALARM for x in changes(each, spans))]
    return ", ".join(found) or "none"


def _in_alarm(each: Alarm, fault: days.Fault) -> bool:
    """Whether the alarm goes into ALARM during the fault."""
    during = range(days.BEFORE + 1, days.BEFORE + fault.minutes + 1)
    return any(change.state is State.ALARM and change.minute in during for change in changes(each, fault.spans))


def _with_end(name: str, each: Alarm, fault: days.Fault) -> str:
    return name if changes(each, fault.spans)[-1].state is not State.ALARM else f"{name} (does not end)"


def _duration(minutes: int) -> str:
    return f"{minutes} min" if minutes < 2 * HOUR else f"{minutes // HOUR} h"


def text() -> str:
    """The page with its tables."""
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    return before + BEGIN + tables() + END + rest.partition(END)[2]


def main(arguments: list[str]) -> int:
    """Writes the page, or with --check says whether it is up to date."""
    if arguments == ["--check"]:
        current = PAGE.read_text(encoding="utf-8") == text()
        if not current:
            sys.stderr.write("docs/runbook.md does not match policy/: run make docs.\n")
        return not current
    PAGE.write_text(text(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
