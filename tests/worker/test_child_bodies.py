"""The body of a job and its other fields, as the handler sees them."""

from typing import Any

import pytest

from tests.worker.conftest import Open
from tests.worker.place import DONE, result
from worker.job import Verdict


@pytest.mark.parametrize(
    ("body", "seen"),
    [
        ('\ufeff{"film": 7}', "{'film': 7}"),
        ("9" * 4301, "4301 digits"),
        ('{"film": -' + "9" * 50_000 + "}", "50000 digits"),
        ("9" * 4301 + ".5e3", "inf"),
    ],
)
def test_a_byte_order_mark_and_long_numbers_are_json(handling: Open, body: str, seen: str) -> None:
    place = handling("""
def handle(job):
    value = job.json()
    number = value["film"] if isinstance(value, dict) else value
    note(f"{round(abs(number).bit_length() / 3.321928)} digits" if number != 7 and isinstance(number, int) else value)
""")
    assert place.do(body) == DONE
    assert place.notes() == [seen]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("\ufeff", "Expecting value: line 1 column 1 (char 0)"),
        ("\ufeff\ufeff{}", "Unexpected UTF-8 BOM (decode using utf-8-sig): line 1 column 1 (char 0)"),
        ("[" + "9" * 100_001 + "]", "a number in it has 100001 digits, and the limit is 100000"),
        ("-" + "9" * 1_000_000, "a number in it has 1000000 digits, and the limit is 100000"),
    ],
)
def test_what_is_no_json_for_us_is_rejected_at_once_and_the_child_goes_on(
    handling: Open, body: str, reason: str
) -> None:
    place = handling("def handle(job): job.json()")
    assert place.do(body) == result(Verdict.REJECT, f"the body is not JSON: {reason}")
    assert place.do("{}") == DONE


@pytest.mark.parametrize("body", ["", "   ", "\n\t"])
def test_an_empty_body_is_rejected_before_the_handler_sees_it(handling: Open, body: str) -> None:
    place = handling("def handle(job): note('ran')")
    assert place.do(body) == result(Verdict.REJECT, "the body is empty")
    assert not (place.folder / "notes").exists()


def test_a_body_that_is_too_long_in_bytes_is_rejected_before_the_handler_sees_it(handling: Open) -> None:
    place = handling("def handle(job): note('ran')", EBB_MAX_BODY_BYTES="8")
    assert place.do("ääää") == DONE
    assert place.do("ääääx") == result(Verdict.REJECT, "the body has 9 bytes, more than EBB_MAX_BODY_BYTES = 8")
    assert place.notes() == ["ran"]


def test_the_handler_sees_the_whole_job(handling: Open) -> None:
    place = handling("def handle(job): note(repr(job))")
    fields: dict[str, Any] = {
        "id": "id-7",
        "attributes": {"colour": "blue", "key": b"\x00\xff"},
        "attempt": 3,
        "group": "customer-7",
        "deadline": 1_800_000_000.5,
        "trace": "Root=1-2-3",
    }
    assert place.do('{"film": 7}', **fields) == DONE
    assert place.notes()[0] == (
        "Job(id='id-7', body='{\"film\": 7}', attributes={'colour': 'blue', 'key': b'\\x00\\xff'}, attempt=3, "
        "group='customer-7', deadline=1800000000.5, trace='Root=1-2-3', message_id='id-7')"
    )


def test_the_trace_is_in_the_environment_during_its_job_only(handling: Open) -> None:
    place = handling("def handle(job): note(os.environ.get('_X_AMZN_TRACE_ID'))")
    assert [place.do(trace="Root=1"), place.do(), place.do(trace="Root=2")] == [DONE] * 3
    assert place.notes() == ["Root=1", "None", "Root=2"]
