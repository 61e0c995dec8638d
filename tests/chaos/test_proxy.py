import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress

import pytest

from tests.chaos import proxy as proxies
from tests.chaos.proxy import Fault, Plan, Proxy, calm, rates
from tests.helpers.waiting import LIMIT, until

REQUEST = b"POST / HTTP/1.1\r\nX-Amz-Target: AmazonSQS.DeleteMessage\r\nContent-Length: 5\r\n\r\nthing"
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 200\r\n\r\n" + b"x" * 200


class Upstream:
    """A server that notes each request and gives the same answer to all."""

    def __init__(self) -> None:
        self.requests: list[bytes] = []
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                threading.Thread(target=self._serve, args=(self._listening.accept()[0],), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with suppress(OSError), connection:
            while data := connection.recv(2**16):
                self.requests.append(data)
                connection.sendall(ANSWER)

    def close(self) -> None:
        self._listening.close()


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    server = Upstream()
    yield server
    server.close()


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    lasts = {Fault.DELAY: (0.3, 0.3), Fault.LATE: (1.0, 1.0), Fault.TRICKLE: (0.5, 0.5)}
    monkeypatch.setattr(proxies, "LASTS", lasts)


def ask(port: int, patience: float = 0.6) -> tuple[bytes, bool]:
    """What came back within the patience at each byte, and whether the other side ended the connection."""
    got = b""
    with socket.create_connection(("127.0.0.1", port)) as client:
        client.settimeout(patience)
        client.sendall(REQUEST)
        while len(got) < len(ANSWER):
            try:
                piece = client.recv(2**16)
            except TimeoutError:
                return got, False
            except ConnectionResetError:
                return got, True
            if not piece:
                return got, True
            got += piece
    return got, False


def always(fault: Fault) -> Plan:
    return lambda _: fault


def spoiled(upstream: Upstream, plan: Plan) -> tuple[Proxy, tuple[bytes, bool], float]:
    proxy = Proxy(upstream.port, plan, record=True)
    began = time.monotonic()
    answer = ask(proxy.port)
    return proxy, answer, time.monotonic() - began


def test_without_a_plan_everything_passes_and_is_noted(upstream: Upstream) -> None:
    proxy, answer, _ = spoiled(upstream, calm)
    proxy.close()
    assert answer == (ANSWER, False)
    assert upstream.requests == [REQUEST]
    assert [(seen.action, seen.body) for seen in proxy.seen] == [("DeleteMessage", b"thing")]


def test_a_delayed_request_is_answered_later(upstream: Upstream) -> None:
    proxy, answer, took = spoiled(upstream, always(Fault.DELAY))
    proxy.close()
    assert answer == (ANSWER, False)
    assert took >= 0.3


def test_a_late_request_takes_effect_after_the_client_has_gone(upstream: Upstream) -> None:
    proxy, answer, _ = spoiled(upstream, always(Fault.LATE))
    assert answer == (b"", False)
    assert upstream.requests == []
    until(lambda: upstream.requests == [REQUEST])
    proxy.close()


@pytest.mark.parametrize(("fault", "arrives"), [(Fault.BLACK_HOLE, False), (Fault.SWALLOW, True)])
def test_a_black_hole_keeps_the_request_and_a_swallower_only_its_answer(
    upstream: Upstream, fault: Fault, arrives: bool
) -> None:
    proxy, answer, _ = spoiled(upstream, always(fault))
    proxy.close()
    assert answer == (b"", False)
    assert upstream.requests == ([REQUEST] if arrives else [])


def test_a_cut_answer_ends_within_itself_though_the_request_took_effect(upstream: Upstream) -> None:
    proxy, (got, ended), _ = spoiled(upstream, always(Fault.CUT))
    proxy.close()
    assert ended
    assert len(got) < len(ANSWER)
    assert ANSWER.startswith(got)
    assert upstream.requests == [REQUEST]


def test_a_trickling_answer_comes_whole_and_slowly(upstream: Upstream) -> None:
    proxy, answer, took = spoiled(upstream, always(Fault.TRICKLE))
    proxy.close()
    assert answer == (ANSWER, False)
    assert took >= 0.4


def test_a_connection_is_kept_for_the_next_request(upstream: Upstream) -> None:
    proxy = Proxy(upstream.port)
    with socket.create_connection(("127.0.0.1", proxy.port)) as client:
        for _ in range(3):
            client.sendall(REQUEST)
            got = b""
            while len(got) < len(ANSWER):
                got += client.recv(2**16)
            assert got == ANSWER
    proxy.close()
    assert upstream.requests == [REQUEST] * 3


def test_it_refuses_and_darkens_for_as_long_as_it_is_told(upstream: Upstream) -> None:
    proxy = Proxy(upstream.port)
    proxy.refuse()
    with pytest.raises(ConnectionRefusedError):
        ask(proxy.port)
    proxy.accept()
    proxy.darken()
    assert ask(proxy.port) == (b"", False)
    proxy.lighten()
    assert ask(proxy.port) == (ANSWER, False)
    proxy.close()
    assert upstream.requests == [REQUEST]


def test_a_client_that_connects_in_the_moment_of_a_refusal_is_cut_off(upstream: Upstream) -> None:
    gate = threading.Event()
    proxy = Proxy(upstream.port, lambda _: None if gate.wait() else Fault.CUT)
    for _ in range(10):
        with socket.create_connection(("127.0.0.1", proxy.port)) as busy:
            busy.sendall(REQUEST)  # the proxy does nothing else until its plan has answered
            with socket.create_connection(("127.0.0.1", proxy.port)) as late:
                late.settimeout(LIMIT)
                refusing = threading.Thread(target=proxy.refuse)
                refusing.start()
                gate.set()
                refusing.join()
                with suppress(ConnectionResetError):
                    assert late.recv(1) == b""
        gate.clear()
        proxy.accept()
    gate.set()
    proxy.close()


def test_an_upstream_that_refuses_ends_the_connection(upstream: Upstream) -> None:
    upstream.close()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    proxy = Proxy(port)
    assert ask(proxy.port) == (b"", True)
    proxy.close()


def test_a_plan_spoils_its_share_and_is_the_same_for_the_same_seed() -> None:
    share = {Fault.CUT: 0.1, Fault.DELAY: 0.2}
    drawn = [rates(7, share)(number) for number in range(10_000)]
    assert drawn == [rates(7, share)(number) for number in range(10_000)]
    assert drawn != [rates(8, share)(number) for number in range(10_000)]
    assert 900 < drawn.count(Fault.CUT) < 1100
    assert 1850 < drawn.count(Fault.DELAY) < 2150
    assert drawn.count(None) == 10_000 - drawn.count(Fault.CUT) - drawn.count(Fault.DELAY)
