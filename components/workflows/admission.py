"""The first states of the workflows that take jobs: the rules of the request's headers."""

from components import _problems
from components.workflows import header_rules
from components.workflows.asl import Document, jsonata
from components.workflows.header_rules import given, refused
from components.workflows.job_states import ends


def admission(following: str, *, fifo: bool) -> dict[str, Document]:
    """The states that check the headers and make of them what each job needs."""
    bad = _problems.INVALID_PARAMETERS
    year = header_rules.MAX_DELAY
    details = {
        "Deduplication": "X-Message-Deduplication-Id is not for this API: send an Idempotency-Key.",
        "Key": f'Idempotency-Key must be 1 to {header_rules.MAX_KEY} printable ASCII characters, such as "8e03978e".',
        "Group": "X-Message-Group-Id must be 1 to 128 letters, digits or punctuation characters of ASCII"
        + ("; this queue is a FIFO queue and requires it." if fifo else "."),
        "Delay": f"X-Job-Delay must be a whole number of seconds, from 0 to {year} (a year).",
        "At": "X-Job-At must be a date and time of RFC 3339 at most a year from now, such as 2026-11-28T15:30:00Z.",
        "Both": "Send X-Job-Delay or X-Job-At, not both.",
        "Reference": f"X-Job-Reference must be 1 to {header_rules.MAX_REFERENCE} printable ASCII characters.",
    }
    group = refused("group", header_rules.GROUP)
    if fifo:
        group = jsonata(f"$not({header_rules.matches('$states.input.group', header_rules.GROUP)})")
    conditions = {
        "Deduplication": jsonata(given("deduplication")),
        "Key": refused("key", header_rules.KEY),
        "Group": group,
        "Delay": refused("delay", header_rules.DELAY),
        "At": jsonata(f"{given('at')} and $not({header_rules.is_at('$states.input.at')})"),
        "Both": jsonata(f"{given('delay')} and {given('at')}"),
        "Reference": refused("reference", header_rules.REFERENCE),
    }
    key = '$contains($key, /^"/) ? $substring($key, 1, $length($key) - 2) : $key'
    due = f"$at != '' ? {header_rules.SECONDS} : $delay != '' ? $now + $number($delay) : 0"
    digested = "$join([$group, $delay, $at, $reference], '\\n')"
    read = f"""(
$now := $floor($millis() / 1000); $key := $states.input.key; $group := $states.input.group;
$delay := $states.input.delay; $at := $states.input.at; $reference := $states.input.reference;
$merge([$states.input, {{'key': {key}, 'headers': {digested}, 'now': $now, 'due': {due}}}])
)"""
    late = f"$states.input.due > $states.input.now + {year}"
    return {
        "Headers": {
            "Type": "Choice",
            "Choices": [{"Condition": condition, "Next": name} for name, condition in conditions.items()],
            "Default": "Read",
        },
        **{name: ends(bad, detail) for name, detail in details.items()},
        "Read": {"Type": "Pass", "Output": jsonata(read), "Next": "Late"},
        "Late": {
            "Type": "Choice",
            # the number of a delay may have two digits more than a year
            "Choices": [
                {"Condition": jsonata(f"{late} and {given('delay')}"), "Next": "Delay"},
                {"Condition": jsonata(late), "Next": "At"},
            ],
            "Default": following,
        },
    }
