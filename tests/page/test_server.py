"""The page's server: who is answered, what is refused, and how often the stack is asked."""

import http.client
import json
import re
from collections.abc import Iterator
from importlib import resources
from typing import Any, NamedTuple

import pytest

from ebb.errors import UserError
from ebb.page.api import Api
from ebb.page.load import MAX_JOBS_A_MINUTE, Load
from ebb.page.server import ADDRESS, MAX_BODY_BYTES, Server, serving
from tests.helpers.waiting import until
from tests.page.stub import NOW, StubSource

FILES = {each.name: each.read_text(encoding="utf-8") for each in (resources.files("ebb.page") / "static").iterdir()}
AWAY = "The sandbox has ended."


class Answer(NamedTuple):
    status: int
    data: Any
    headers: dict[str, str]


class Caller:
    """A client of a running server; the headers are those of the page, unless a test says otherwise."""

    def __init__(self, server: Server, source: StubSource) -> None:
        self.server, self.source = server, source
        self.host = f"{ADDRESS}:{server.server_port}"

    def __call__(self, method: str, path: str, body: Any = None, **headers: str | None) -> Answer:
        given: dict[str, str | None] = {
            "Host": self.host,
            "X-Ebb-Token": self.server.token,
            "Content-Type": "application/json",
        }
        given |= {name.replace("_", "-"): value for name, value in headers.items()}
        connection = http.client.HTTPConnection(ADDRESS, self.server.server_port, timeout=60)
        text = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        connection.request(method, path, text, {name: value for name, value in given.items() if value is not None})
        answer = connection.getresponse()
        content = answer.read().decode()
        connection.close()
        data = json.loads(content) if answer.headers["Content-Type"] == "application/json" else content
        return Answer(answer.status, data, dict(answer.headers))


@pytest.fixture(scope="module")
def running() -> Iterator[Caller]:
    source = StubSource()
    with serving(Api(source)) as server:
        yield Caller(server, source)


@pytest.fixture
def call(running: Caller) -> Caller:
    running.source.calls.clear()
    running.source.away = ""
    return running


def test_it_listens_on_this_machine_only_and_any_free_port_will_do(call: Caller) -> None:
    assert call.server.server_address[0] == "127.0.0.1"
    assert call.server.server_port > 0
    assert call.server.address == f"http://127.0.0.1:{call.server.server_port}/#{call.server.token}"
    assert len(call.server.token) >= 32


def test_a_port_that_is_taken_is_one_sentence(call: Caller) -> None:
    with pytest.raises(
        UserError, match=rf"^Port {call.server.server_port} of 127\.0\.0\.1 cannot be used \(.+\): give"
    ):
        Server(Api(StubSource()), call.server.server_port)


@pytest.mark.parametrize("path", ["/", "/page.js", "/api/state"])
@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1", "127.0.0.1:1", "127.0.0.1.evil.example", ""])
def test_a_name_that_was_pointed_at_this_machine_is_refused(call: Caller, path: str, host: str) -> None:
    answer = call("GET", path, Host=host)
    assert (answer.status, call.source.calls) == (403, [])
    assert answer.data["error"] == f"This server answers {call.host} only."


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1:1", ""])
def test_another_site_is_refused_even_with_the_token(call: Caller, origin: str) -> None:
    for method, path in (("POST", "/api/jobs"), ("POST", "/api/redrive"), ("GET", "/api/state")):
        answer = call(method, path, {"body": "{}", "all": True}, Origin=origin)
        assert (answer.status, call.source.calls) == (403, [])
    assert "Access-Control-Allow-Origin" not in answer.headers


@pytest.mark.parametrize("token", [None, "", "x", "ä"])
def test_without_the_token_there_is_no_datum_and_no_change(call: Caller, token: str | None) -> None:
    given = token and token.encode("utf-8").decode("latin-1")
    for method, path in (("GET", "/api/state"), ("GET", "/api/dead-letters"), ("POST", "/api/jobs")):
        answer = call(method, path, {"body": "{}"}, X_Ebb_Token=given)
        assert (answer.status, call.source.calls) == (403, [])
        assert answer.data["error"].startswith("Open the whole address that the command printed")
    assert call("GET", "/", X_Ebb_Token=None).status == 200


def test_a_job_is_sent_by_the_page_itself(call: Caller) -> None:
    own = f"http://{call.host}"
    sent = call("POST", "/api/jobs", {"body": ' {"a": 1} ', "reference": "order-1"}, Origin=own)
    assert (sent.status, sent.data) == (200, {"id": "job-2"})
    assert call("POST", "/api/jobs", {"body": "x", "reference": ""}, Host=f"localhost:{call.server.server_port}")
    assert call.source.calls == [("send", '{"a": 1}', "order-1"), ("send", "x", None)]


def test_a_search_a_story_and_dead_letters_are_answered(call: Caller) -> None:
    assert [job["id"] for job in call("GET", "/api/jobs?search=order-1").data["jobs"]] == ["job-1"]
    assert call("GET", "/api/story?id=job-1").data["steps"][0]["time"] == NOW - 30
    assert len(call("GET", "/api/dead-letters").data["messages"]) == 2
    assert call("POST", "/api/redrive", {"ids": ["m1"]}).data == {"moved": 1}
    assert call("POST", "/api/redrive", {"all": True}).data == {"moved": 2}
    assert call.source.calls[-2:] == [("redrive", ["m1"]), ("redrive", None)]


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/api/nothing", None, 404),
        ("GET", "/../server.py", None, 404),
        ("GET", "/page.html/../../server.py", None, 404),
        ("GET", "/api/story", None, 400),
        ("GET", "/api/jobs?search=%20", None, 400),
        ("POST", "/api/state", {}, 404),
        ("POST", "/api/jobs", {}, 400),
        ("POST", "/api/jobs", {"body": 1}, 400),
        ("POST", "/api/jobs", b"[]", 400),
        ("POST", "/api/jobs", b"{", 400),
        ("POST", "/api/jobs", b"\xff", 400),
        ("POST", "/api/redrive", {}, 400),
        ("POST", "/api/redrive", {"all": "yes"}, 400),
        ("POST", "/api/redrive", {"ids": []}, 400),
        ("POST", "/api/redrive", {"ids": [1]}, 400),
        ("POST", "/api/load", {"jobs_a_minute": MAX_JOBS_A_MINUTE + 1, "body": "{}"}, 400),
        ("POST", "/api/load", {"jobs_a_minute": True, "body": "{}"}, 400),
        ("POST", "/api/load", {"jobs_a_minute": -1, "body": "{}"}, 400),
    ],
)
def test_what_the_page_would_not_ask_is_refused_in_a_sentence(
    call: Caller, method: str, path: str, body: Any, status: int
) -> None:
    answer = call(method, path, body)
    assert (answer.status, call.source.calls) == (status, [])
    assert re.fullmatch(r"[^\n]+\.", answer.data["error"])


def test_a_change_is_json_and_not_endless(call: Caller) -> None:
    assert call("POST", "/api/jobs", {"body": "{}"}, Content_Type="text/plain").status == 415
    assert call("POST", "/api/jobs", b"", Content_Length=str(MAX_BODY_BYTES + 1)).status == 413
    assert call("POST", "/api/jobs", b"", Content_Length="-1").status == 413
    assert call.source.calls == []


def test_every_answer_keeps_the_browser_to_this_server(call: Caller) -> None:
    for path in ("/", "/page.js", "/api/state", "/nothing"):
        headers = call("GET", path).headers
        policy = headers["Content-Security-Policy"].split("; ")
        assert policy[0] == "default-src 'none'"
        assert {"script-src 'self'", "connect-src 'self'", "frame-ancestors 'none'"} <= set(policy)
        assert "unsafe" not in headers["Content-Security-Policy"]
        assert headers["Cache-Control"] == "no-store"
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Server"] == "ebb"


def test_a_stack_that_is_away_is_one_sentence_and_comes_back(call: Caller) -> None:
    call.source.away = AWAY
    clock = [0.0]
    api = Api(call.source, clock=lambda: clock[0])
    with pytest.raises(UserError, match=AWAY):
        api.get("/api/state", {})
    assert (call("GET", "/api/story?id=x").status, call("GET", "/api/story?id=x").data) == (502, {"error": AWAY})
    call.source.away = ""
    assert api.get("/api/state", {})["waiting"] == 12


def test_many_tabs_ask_the_stack_as_often_as_one() -> None:
    source, clock = StubSource(seconds=5), [0.0]
    api = Api(source, clock=lambda: clock[0])
    for clock[0] in (0, 1, 2, 5, 6, 7, 10):
        assert api.get("/api/state", {})["waiting"] == 12
    assert source.calls == [("state",)] * 3


def test_only_a_sandbox_takes_a_load() -> None:
    api = Api(StubSource(sandbox=False))
    assert api.get("/api/state", {})["load"] is None
    with serving(api) as server:
        call = Caller(server, StubSource())
        assert call("POST", "/api/load", {"jobs_a_minute": 1, "body": "{}"}).status == 404


def test_a_load_sends_jobs_until_it_is_zero_and_says_why_one_was_not_sent() -> None:
    sent: list[str] = []

    def send(body: str) -> None:
        sent.append(body)
        if body == "bad":
            raise UserError(AWAY)

    load = Load(send)
    load.set(MAX_JOBS_A_MINUTE, "bad")
    until(lambda: load.state()["problem"] == AWAY)
    assert (load.state()["sent"], load.state()["jobs_a_minute"]) == (0, MAX_JOBS_A_MINUTE)
    load.set(MAX_JOBS_A_MINUTE - 1, "good")  # another rate counts at once
    until(lambda: load.state()["sent"] == 1)
    assert load.state()["problem"] == ""
    load.set(0, "")
    until(lambda: load._thread is None)
    assert set(sent) == {"bad", "good"}


def test_the_page_s_files_make_no_html_and_name_nothing_elsewhere() -> None:
    text = "".join(FILES.values()).replace("http://www.w3.org/2000/svg", "")
    assert (
        re.findall(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|srcdoc", text) == []
    )
    assert re.findall(r"https?://|//[a-z]+\.[a-z]|@import|url\(| style=| on[a-z]+=", text) == []
    assert {"page.html", "page.css", "page.js"} <= FILES.keys()
    assert [name for name, content in FILES.items() if content.count("\n") > 300] == []
