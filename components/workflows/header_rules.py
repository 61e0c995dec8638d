"""The headers of a job, and their rules in JSONata.

An absent header is an empty text, and an empty one a space. Rules are regular expressions first, so that no later
expression fails.
"""

from components.workflows.asl import jsonata

#: Header -> its name in a workflow's input.
HEADERS = {
    "Idempotency-Key": "key",
    "X-Message-Group-Id": "group",
    "X-Message-Deduplication-Id": "deduplication",
    "X-Job-Delay": "delay",
    "X-Job-At": "at",
    "X-Job-Reference": "reference",
}
#: Seconds: how far in the future a job may be. EventBridge Scheduler accepts more.
MAX_DELAY = 365 * 24 * 3600
MAX_KEY = 255
MAX_REFERENCE = 256

#: Printable ASCII without the quotation mark and the backslash.
_PLAIN = r"!#-\x5B\x5D-~"
#: A string of structured fields (RFC 9651, 3.3.3), or the same without quotation marks.
KEY = rf'^("([ {_PLAIN}]|\x5C["\x5C]){{1,{MAX_KEY}}}"|[{_PLAIN}]{{1,{MAX_KEY}}})$'
#: SQS API reference, SendMessage, "MessageGroupId".
GROUP = r"^[!-~]{1,128}$"
#: No leading zeros: JSONata reads no such number.
DELAY = r"^(0|[1-9][0-9]{0,7})$"
#: RFC 3339, 5.6. Days of months are counted later.
AT = (
    r"^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])[Tt]([01][0-9]|2[0-3]):[0-5][0-9]:([0-5][0-9]|60)"
    r"([.][0-9]+)?([Zz]|[+-]([01][0-9]|2[0-3]):[0-5][0-9])$"
)
REFERENCE = rf"^[!-~][ -~]{{0,{MAX_REFERENCE - 1}}}$"

#: Seconds since 1970 of a text that matches AT. The days are counted from March, so that a leap day is a year's last
#: one ("days from civil", Howard Hinnant, chrono-Compatible Low-Level Date Algorithms).
_NUMBER = "$n := function($from, $count) { $number('1' & $substring($at, $from, $count)) - $power(10, $count) }"
SECONDS = f"""(
{_NUMBER};
$month := $n(5, 2);
$year := $month > 2 ? $n(0, 4) : $n(0, 4) - 1;
$era := $floor($year / 400);
$ofEra := $year - $era * 400;
$ofYear := $floor((153 * (($month + 9) % 12) + 2) / 5) + $n(8, 2) - 1;
$day := $era * 146097 + $ofEra * 365 + $floor($ofEra / 4) - $floor($ofEra / 100) + $ofYear - 719468;
$sign := $substring($at, -6, 1);
$zone := $sign = '+' or $sign = '-' ? ($end := $length($at); $n($end - 5, 2) * 60 + $n($end - 2, 2)) : 0;
$day * 86400 + $n(11, 2) * 3600 + $n(14, 2) * 60 + $n(17, 2) - ($sign = '-' ? -1 : 1) * $zone * 60
)"""
#: Whether the month of a text that matches AT has its day.
_DAYS = "[31, $leap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]"
DAY_EXISTS = f"""(
{_NUMBER};
$year := $n(0, 4);
$leap := $year % 4 = 0 and ($year % 100 != 0 or $year % 400 = 0);
$n(8, 2) <= {_DAYS}[$n(5, 2) - 1]
)"""


def matches(variable: str, pattern: str) -> str:
    """Whether a text matches a pattern."""
    return f"$contains({variable}, /{pattern}/)"


def is_at(variable: str) -> str:
    """Whether a text is a moment of RFC 3339 that exists."""
    return f"({matches(variable, AT)} ? ($at := {variable}; {DAY_EXISTS}) : false)"


def given(name: str) -> str:
    """Whether the input has this header."""
    return f"$states.input.{name} != ''"


def refused(name: str, pattern: str) -> str:
    """The condition that a header is there and does not match its pattern."""
    return jsonata(f"{given(name)} and $not({matches('$states.input.' + name, pattern)})")
