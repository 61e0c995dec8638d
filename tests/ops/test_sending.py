"""The way that jobs take into a stack, and what happens to those that are not accepted."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import given, settings
from hypothesis import strategies as st

from ebb.ops import sending
from ebb.ops.sending import Line, Options, door, lines
from ebb.ops.stack import OpsError, Stack
from tests.helpers.examples import examples

STACK = Stack(
    name="dev", queue_url="http://q/jobs", cluster_name="c", service_name="s", table_name="t", api_auth="none"
)
FIFO = replace(STACK, queue_url="http://q/jobs.fifo")


class Sqs:
    """A queue that refuses bodies with the word `bad`."""

    def __init__(self) -> None:
        self.calls: list[list[dict[str, Any]]] = []

    def send_message_batch(self, QueueUrl: str, Entries: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803
        self.calls.append(Entries)
        bad = [each for each in Entries if "bad" in each["MessageBody"]]
        return {
            "Successful": [{"Id": e["Id"], "MessageId": f"m-{e['Id']}"} for e in Entries if e not in bad],
            "Failed": [{"Id": each["Id"], "Code": "InvalidMessageContents", "Message": "no"} for each in bad],
        }


@contextmanager
def api(*answers: tuple[int, dict[str, Any]]) -> Iterator[tuple[str, list[dict[str, str]]]]:
    """An API that gives these answers to POSTs, and 400 to GETs; its URL and the headers of the POSTs."""
    left, asked = list(answers), list[dict[str, str]]()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer(left[0] if left and left[0][0] in (401, 403) else (400, {}))

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            asked.append({name.lower(): value for name, value in self.headers.items()})
            self._answer(left.pop(0))

        def _answer(self, answer: tuple[int, dict[str, Any]]) -> None:
            body = json.dumps(answer[1]).encode()
            self.send_response(answer[0])
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/run", asked
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def clients(sqs: Sqs) -> Any:
    return {"sqs": sqs}.__getitem__


@pytest.fixture(autouse=True)
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sending, "PAUSE_SECONDS", 0.0)


def test_an_api_that_lets_the_caller_in_is_the_way_and_gets_the_headers() -> None:
    with api((202, {"id": "j1", "state": "queued"})) as (url, asked):
        options = Options(key="k", reference="r", delay=7, group="g")
        way, why = door(replace(STACK, api_url=url), options, None, clients(Sqs()))
        (sent,) = way.send([Line(number=1, body="{}", key="k")])
    assert (why, sent.id, sent.state, sent.error) == ("", "j1", "queued", None)
    names = ("idempotency-key", "x-job-reference", "x-job-delay", "x-message-group-id")
    assert [asked[0][name] for name in names] == ["k", "r", "7", "g"]


def test_an_api_that_refuses_the_caller_leaves_the_queue_and_says_why() -> None:
    sqs = Sqs()
    with api((403, {"message": "Forbidden"})) as (url, _):
        stack = replace(STACK, api_url=url)
        way, why = door(stack, Options(delay=5), None, clients(sqs))
        assert why == "the API does not let this caller in: its answer is 403: Forbidden"
        sent = list(way.send(lines([f"{number} {'bad' * (number == 3)}" for number in range(12)], None)))
        with pytest.raises(OpsError, match=r"^--reference goes through the API, and the API does not let this caller"):
            door(stack, Options(reference="r"), None, clients(sqs))
        with pytest.raises(OpsError, match=r"^--through api: the API does not let this caller in"):
            door(stack, Options(), "api", clients(sqs))
    assert [each.error for each in sent if each.error] == ["InvalidMessageContents: no"]
    assert [(each.number, each.id) for each in sent][3:5] == [(4, None), (5, "m-5")]
    assert [len(call) for call in sqs.calls] == [10, 2]
    assert sqs.calls[0][0] == {"Id": "1", "MessageBody": "0", "DelaySeconds": 5}


def test_a_key_of_the_api_that_may_not_be_read_leaves_the_queue() -> None:
    class Denied:
        def get_api_key(self, **_: Any) -> None:
            raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": ""}}, "GetApiKey")

    stack = replace(STACK, api_url="http://x", api_key_id="key")
    _, why = door(stack, Options(), None, {"apigateway": Denied(), "sqs": Sqs()}.__getitem__)
    assert why == "the API does not let this caller in: its key cannot be read (AccessDeniedException)"


def test_a_busy_api_is_asked_again_and_a_lost_answer_only_with_a_key() -> None:
    def send(key: str | None, *answers: tuple[int, dict[str, Any]]) -> tuple[str | None, str | None, int]:
        with api(*answers) as (url, asked):
            way, _ = door(replace(STACK, api_url=url), Options(), None, clients(Sqs()))
            (sent,) = way.send([Line(number=1, body="{}", key=key)])
            return sent.id, sent.error, len(asked)

    accepted = (202, {"id": "j"})
    assert send(None, (503, {}), (429, {}), accepted) == ("j", None, 3)
    assert send("k", (504, {}), (409, {}), accepted) == ("j", None, 3)
    assert send(None, (504, {"title": "Gateway timeout"}), accepted) == (None, "504: Gateway timeout", 1)
    assert send("k", *[(503, {"title": "Busy"})] * 4) == (None, "503: Busy", 4)


def test_a_fifo_queue_needs_a_group_and_gets_ids_that_it_knows_again() -> None:
    with pytest.raises(OpsError, match="is a FIFO queue: each job needs --group"):
        door(FIFO, Options(), None, clients(Sqs()))
    sqs = Sqs()
    way, why = door(replace(FIFO, table_name=None), Options(group="g", key="k"), None, clients(sqs))
    list(way.send(lines(["a", "b"], "k")))
    list(way.send(lines(["a", "b"], "k")))
    first, second = ([each["MessageDeduplicationId"] for each in call] for call in sqs.calls)
    assert (why, first) == ("the stack has no API", second)
    assert len(set(first)) == 2
    with pytest.raises(OpsError, match="A FIFO queue has no delay of a message"):
        door(replace(FIFO, api_url=None), Options(group="g", delay=1), None, clients(sqs))


@pytest.mark.parametrize(
    ("options", "name"),
    [
        (Options(reference="r"), "--reference"),
        (Options(at="2026-12-24T18:00:00Z"), "--at"),
        (Options(key="k"), "--key"),
        (Options(delay=901), "--delay above 900 s"),
    ],
)
def test_what_needs_the_job_table_is_refused_without_one(options: Options, name: str) -> None:
    with pytest.raises(OpsError, match=rf"^{name} needs the job table: set `ebb:jobs: {{keep_days: 14}}`"):
        door(replace(STACK, table_name=None), options, None, clients(Sqs()))


@settings(max_examples=examples(30))
@given(st.lists(st.sampled_from(["{}", '{"a": 1}', "", " "])), st.text("abc", min_size=1))
def test_each_line_has_one_key_which_a_second_reading_gives_again(text: list[str], key: str) -> None:
    read = list(lines(text, key))
    assert len({line.key for line in read}) == len(read) == sum(bool(each.strip()) for each in text)
    assert list(lines(text, key)) == read
    assert [text[line.number - 1].strip() for line in read] == [line.body for line in read]


def test_a_batch_of_large_jobs_stays_below_the_limit_of_a_call() -> None:
    sqs = Sqs()
    way, _ = door(replace(STACK, api_url=None), Options(), None, clients(sqs))
    list(way.send(lines(["x" * 400_000] * 5, None)))
    assert [len(call) for call in sqs.calls] == [2, 2, 1]
