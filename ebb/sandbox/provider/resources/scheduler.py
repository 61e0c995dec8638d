"""EventBridge Scheduler: schedules and their groups."""

from datetime import UTC, datetime
from typing import Any

from ebb.sandbox.provider.aws import Aws
from ebb.sandbox.provider.resources._row import Call, Props, Row, Tags, deletes, first, pick, send, tag_map

_DATES = ("startDate", "endDate")
_SAME = (
    "groupName", "description", "flexibleTimeWindow", "kmsKeyArn", "scheduleExpression", "scheduleExpressionTimezone",
    "state", "target", *_DATES,
)  # fmt: skip


def _schedule(props: Props) -> Call:
    return "scheduler", "create_schedule", pick(props, *_SAME, "name")


def _create(aws: Aws, props: Props) -> tuple[str, Props]:
    arn = send(aws, _schedule(props))["ScheduleArn"]
    return f"{props.get('groupName') or 'default'}/{props['name']}", {"arn": arn}


def _read(aws: Aws, physical_id: str, _: Props) -> Props | None:
    group, name = physical_id.split("/", 1)
    found = first(aws.find("scheduler", "get_schedule", groupName=group, name=name))
    return found and found | {key: _text(found.get(key)) for key in _DATES}


def _text(date: Any) -> str | None:
    """A date in Pulumi's form: RFC 3339, in UTC."""
    return date.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if isinstance(date, datetime) else None


def _update(aws: Aws, _: str, __: Props, new: Props) -> Props:
    """Put the whole schedule: UpdateSchedule resets a field that is not sent to its default."""
    aws.call("scheduler", "update_schedule", **pick(new, *_SAME, "name"))
    return {}


def _group(props: Props) -> Call:
    return "scheduler", "create_schedule_group", pick(props, "name") | {"tags": props.get("tagsAll")}


def _create_group(aws: Aws, props: Props) -> tuple[str, Props]:
    return props["name"], {"arn": send(aws, _group(props))["ScheduleGroupArn"], "state": "ACTIVE"}


def _read_group(aws: Aws, name: str, _: Props) -> Props | None:
    found = first(aws.find("scheduler", "get_schedule_group", name=name))
    if found is None:
        return None
    tags = aws.call("scheduler", "list_tags_for_resource", resourceArn=found["arn"])["Tags"]
    return pick(found, "name", "arn", "state") | {"tagsAll": tag_map(tags)}


ROWS = (
    Row(
        type="aws:scheduler/scheduleGroup:ScheduleGroup",
        inputs=frozenset({"name", "tags"}),
        replaces=frozenset({"name"}),
        autoname=("name", 64),
        tags=Tags(service="scheduler", target="resourceArn"),
        request=_group,
        create=_create_group,
        read=_read_group,
        delete=deletes("scheduler", "delete_schedule_group", name="name"),
    ),
    Row(
        type="aws:scheduler/schedule:Schedule",
        inputs=frozenset({"name", *_SAME}),
        required=frozenset({"flexibleTimeWindow", "scheduleExpression", "target"}),
        replaces=frozenset({"groupName", "name"}),
        defaults={"groupName": "default", "scheduleExpressionTimezone": "UTC", "state": "ENABLED"},
        autoname=("name", 64),
        request=_schedule,
        create=_create,
        read=_read,
        update=_update,
        delete=deletes("scheduler", "delete_schedule", groupName="groupName", name="name"),
    ),
)
