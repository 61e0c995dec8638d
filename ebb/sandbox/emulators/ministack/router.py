"""One address for both emulators: the service in a request's signature decides which emulator answers."""

import asyncio
import http.client
import re
import threading
from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping
from typing import Any
from urllib.parse import urlencode

from ebb.sandbox.emulators.ministack import cbor
from ebb.sandbox.emulators.ministack.services import Answer

#: Signing names of the services that MiniStack serves.
MINISTACK_SERVICES = frozenset({"sqs", "apigateway", "execute-api", "states", "scheduler", "dynamodb"})
#: Where the stages of deployed APIs are: /_aws/execute-api/API/STAGE/PATH.
API_PATH = "/_aws/execute-api/"
#: Real seconds that moto may take to answer.
MOTO_TIMEOUT = 60

_CREDENTIAL = re.compile(rb"Credential=[^/]+/[^/]+/[^/]+/([^/]+)/")
#: Headers of one connection, not of the message (RFC 9110, 7.6.1), and headers that each side writes itself.
_CONNECTION_HEADERS = frozenset(
    {"connection", "keep-alive", "transfer-encoding", "expect", "date", "server", "content-length"}
)

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]


class Moto:
    """Calls moto. Each thread keeps its connection."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._threads = threading.local()

    def ask(
        self, method: str, target: str, headers: dict[str, str], body: bytes
    ) -> tuple[int, list[tuple[str, str]], bytes]:
        """Status, headers and body of its answer; 503 when there is none."""
        connection = getattr(self._threads, "connection", None)
        if connection is None:
            connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=MOTO_TIMEOUT)
            self._threads.connection = connection
        try:
            connection.request(method, target, body, _of_the_message(headers.items()))
            response = connection.getresponse()
            answer = response.read()
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            return 503, [("content-type", "text/plain")], f"moto did not answer: {error!r}".encode()
        return response.status, list(_of_the_message(response.getheaders()).items()), answer

    async def handle(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes | str, query: Mapping[str, Any]
    ) -> Answer:
        """Answer in the form of a MiniStack service."""
        content = body.encode() if isinstance(body, str) else body
        path += f"?{urlencode(query, doseq=True)}" if query else ""
        status, answered, answer = await asyncio.to_thread(self.ask, method, path, dict(headers), content)
        return status, dict(answered), answer


class Router:
    """An ASGI application. A request without a signature is a call of the deployed API, which MiniStack serves."""

    def __init__(self, ministack: App, moto: Moto) -> None:
        self._ministack = ministack
        self._moto = moto

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Hand the request to MiniStack or moto."""
        if scope["type"] == "http" and scope["path"].startswith(API_PATH):
            # API Gateway matches a path as it is on the wire, where %2F is no slash
            scope = {**scope, "path": scope["raw_path"].decode("ascii")}
        if scope["type"] != "http" or signed_for(scope["headers"]) in MINISTACK_SERVICES | {None}:
            await self._ministack(scope, receive, send)
            return
        body = bytearray()
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        target = scope["raw_path"].decode("ascii")
        if scope["query_string"]:
            target += "?" + scope["query_string"].decode("ascii")
        asked = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        if cbor.speaks(asked):
            status, answered, answer = await asyncio.to_thread(cbor.call, self._moto.ask, target, asked, bytes(body))
        else:
            status, answered, answer = await asyncio.to_thread(
                self._moto.ask, scope["method"], target, asked, bytes(body)
            )
        headers = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in answered]
        headers.append((b"content-length", str(len(answer)).encode()))
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": answer})


def _of_the_message(headers: Iterable[tuple[str, str]]) -> dict[str, str]:
    return {name: value for name, value in headers if name.lower() not in _CONNECTION_HEADERS}


def signed_for(headers: list[tuple[bytes, bytes]]) -> str | None:
    """The service in the credential scope of a request's signature; None without a signature."""
    for name, value in headers:
        if name.lower() == b"authorization":
            match = _CREDENTIAL.search(value)
            return match[1].decode("ascii") if match else None
    return None
