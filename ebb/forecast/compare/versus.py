"""Settings side by side: the stack with other settings, under the same load and with the same seeds (`--vs`)."""

import re
from collections.abc import Sequence
from dataclasses import replace

from ebb.forecast import run
from ebb.forecast.compare.differences import differences
from ebb.forecast.results.findings import Finding, Versus
from ebb.forecast.run import Progress, Request

#: A comma before the next SECTION.KEY=; commas within a value, such as a list, are not before one.
_NEXT = re.compile(r",\s*(?=\w+\.\w+=)")


def versus(request: Request, own: Finding, others: Sequence[str], progress: Progress) -> tuple[Versus, ...]:
    """A comparison for each of `others`: changes such as `scaling.watch=true,scaling.max_tasks=5`.

    Raises UserError.
    """
    return tuple(_versus(request, own, changes, progress) for changes in others)


def changed(request: Request, changes: str) -> Request:
    """The request with other settings, such as `scaling.watch=true,scaling.max_tasks=5`."""
    return replace(request, changes=(*request.changes, *_NEXT.split(changes)))


def _versus(request: Request, own: Finding, changes: str, progress: Progress) -> Versus:
    finding = run.stack_finding(changed(request, changes), progress, name=changes)
    return Versus(changes=changes, finding=finding, differences=differences(own.forecast, finding.forecast))
