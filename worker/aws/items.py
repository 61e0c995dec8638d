"""Items of the job table: update expressions, the conditions of each write, and values in DynamoDB's form."""

import math
import re
from collections.abc import Mapping
from typing import Any

#: An item whose time has passed counts as absent: TTL deletes it within days, not at once.
ABSENT = "attribute_not_exists(#id) OR #expires < :now"
#: Ours. A call that DynamoDB executes late must not undo what a newer attempt of the same worker has written.
HELD = "#owner = :me AND #state = :running AND #attempt <= :attempt"
WAITS = "#state IN (:queued, :scheduled)"
#: A new attempt: the job waits, or its claim is ours or has ended, or an operator has sent its dead letter again. A
#: message is claimed once at each receive, and an older receive comes too late.
CLAIM = (
    f"{ABSENT} OR ({WAITS} AND attribute_not_exists(#cancel) "
    "AND (attribute_not_exists(#attempt) OR #attempt < :attempt OR #message_id <> :message)) "
    "OR (#state = :running AND (#owner = :me OR #until < :now) AND attribute_not_exists(#cancel) "
    "AND (#attempt <= :attempt OR #message_id <> :message)) "
    "OR (#state IN (:failed, :rejected) AND #finished < :sent)"
)
#: A final state after our attempt. A message that was never claimed here may use up the last one, too.
FINISH = (
    f"{ABSENT} OR ({HELD}) OR ({WAITS} AND attribute_not_exists(#cancel) "
    "AND (attribute_not_exists(#message_id) OR #message_id = :message))"
)
#: The caller has cancelled the job, and no other worker has it.
CANCEL = f"{ABSENT} OR ({HELD}) OR (attribute_exists(#cancel) AND ({WAITS} OR (#state = :running AND #until < :now)))"
RELEASE = f"{HELD} AND attribute_not_exists(#cancel)"
_STATES = ("queued", "scheduled", "running", "failed", "rejected")
Value = dict[str, str]


class Update:
    """An update with its condition. Short names in it: some of the attributes' own names are reserved words."""

    def __init__(self, condition: str) -> None:
        self._condition = condition
        self._sets: list[str] = []
        self._removed: list[str] = []
        self._values: dict[str, Value] = {}

    def set(self, **values: Value) -> None:
        """Set attributes."""
        self._sets += [f"#{name} = :{name}" for name in values]
        self._values |= values

    def set_known(self, **values: Value | None) -> None:
        """Set those that have a value."""
        self.set(**{name: value for name, value in values.items() if value is not None})

    def set_or_remove(self, **values: Value | None) -> None:
        """Set those that have a value, and remove the others."""
        self.set_known(**values)
        self.remove(*(name for name, value in values.items() if value is None))

    def set_if_new(self, **values: Value) -> None:
        """Set attributes that the item does not have."""
        self._sets += [f"#{name} = if_not_exists(#{name}, :{name})" for name in values]
        self._values |= values

    def remove(self, *names: str) -> None:
        """Remove attributes."""
        self._removed += names

    def arguments(self, values: Mapping[str, Value]) -> dict[str, Any]:
        """The arguments of UpdateItem. `values`: those that the condition may name."""
        removed = f" REMOVE {', '.join(f'#{name}' for name in self._removed)}" if self._removed else ""
        expression = f"SET {', '.join(self._sets)}{removed}"
        known = dict(values) | {state: text(state) for state in _STATES}
        words = _words(f"{expression} {self._condition}")
        return {
            "UpdateExpression": expression,
            "ConditionExpression": self._condition,
            "ExpressionAttributeNames": {word: word[1:] for word in words if word.startswith("#")},
            "ExpressionAttributeValues": {
                f":{name}": value for name, value in (known | self._values).items() if f":{name}" in words
            },
        }


def _words(expression: str) -> set[str]:
    """The names (`#name`) and values (`:value`) in an expression, and its other words."""
    return set(re.findall(r"[#:]?\w+", expression))


def text(value: str) -> Value:
    """Text. UTF-8 has no lone surrogates."""
    return {"S": value.encode(errors="replace").decode()}


def whole(seconds: float) -> Value:
    """Whole seconds."""
    return {"N": str(math.floor(seconds))}


def expiry(seconds: float) -> Value:
    """Whole seconds of the TTL: rather later than earlier."""
    return {"N": str(math.ceil(seconds))}


def number(value: float) -> Value:
    """A number with at most 13 digits: Unix time to the millisecond."""
    return {"N": f"{value:.13g}"}


def plain(item: Mapping[str, Any]) -> dict[str, Any]:
    """An item's attributes as text and numbers."""
    return {name: _plain(value) for name, value in item.items()}


def _plain(value: Mapping[str, Any]) -> Any:
    ((kind, content),) = value.items()
    if kind != "N":
        return content
    number = float(content)
    return int(number) if number.is_integer() else number
