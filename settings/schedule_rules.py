"""Rules across the fields of `queue.schedules`."""

import json
from collections.abc import Iterator

from settings.limits import MAX_SCHEDULED_BODY_BYTES
from settings.sections import Queue


def breaches(queue: Queue) -> Iterator[tuple[tuple[str, ...], str, object]]:
    """Every rule that the schedules break, in the form of settings/rules.py."""
    names = [schedule.name for schedule in queue.schedules]
    for number, schedule in enumerate(queue.schedules):
        field = f"queue.schedules.{number}"
        if schedule.name in names[:number]:
            yield (f"{field}.name",), "another schedule has this name", schedule.name
        if (schedule.cron is None) == (schedule.rate is None):
            given = {"cron": schedule.cron, "rate": schedule.rate}
            yield (f"{field}.cron", f"{field}.rate"), "a schedule has either cron or rate", given
        if schedule.rate and "timezone" in schedule.model_fields_set:
            yield (f"{field}.timezone",), "a rate has no time zone: remove it, or use cron", schedule.timezone
        if queue.fifo and schedule.group is None:
            yield (f"{field}.group", "queue.fifo"), "each job of a FIFO queue needs a message group", None
        size = len(json.dumps(schedule.text))
        if size > MAX_SCHEDULED_BODY_BYTES:
            rule = f"has {size} bytes as a text in JSON, and a schedule takes at most {MAX_SCHEDULED_BODY_BYTES}"
            yield (f"{field}.body",), rule, schedule.body
