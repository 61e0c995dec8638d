"""Runs MiniStack as a child process, in front of moto, so that one address serves all of AWS.

Run as a module: `python -m ebb.sandbox.emulators.ministack SOCKET_FD MOTO_PORT`. MiniStack keeps the services that it
runs better; a request signed for any other goes to moto as it came. What is not signed (calls of the deployed API) is
MiniStack's.
"""

import asyncio
import http.client
import json
import logging
import re
import sys
import threading
from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping
from typing import Any
from xml.etree import ElementTree

from ebb.sandbox.emulators.ministack import apigateway, workflows

#: Signing names of the services that MiniStack serves.
MINISTACK_SERVICES = frozenset({"sqs", "apigateway", "execute-api", "states", "scheduler", "dynamodb"})
#: XML namespace of SQS's errors in its Query protocol.
_SQS = "{http://queue.amazonaws.com/doc/2012-11-05/}"
#: Seconds that moto may take to answer.
MOTO_TIMEOUT = 60

_CREDENTIAL = re.compile(rb"Credential=[^/]+/[^/]+/[^/]+/([^/]+)/")
#: Headers of one connection, not of the message (RFC 9110, 7.6.1), and those that each side writes itself.
_CONNECTION_HEADERS = frozenset(
    {"connection", "keep-alive", "transfer-encoding", "expect", "date", "server", "content-length"}
)

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]


class Moto:
    """moto's port, behind a pool of kept connections (one per thread)."""

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
        self, method: str, path: str, headers: Mapping[str, str], body: bytes | str, _query: Mapping[str, Any]
    ) -> tuple[int, dict[str, str], bytes]:
        """As a service of MiniStack's; what it sends itself has nothing in the query."""
        content = body.encode() if isinstance(body, str) else body
        status, answered, answer = await asyncio.to_thread(self.ask, method, path, dict(headers), content)
        return status, dict(answered), answer


class Router:
    """An ASGI application: MiniStack's, or moto's."""

    def __init__(self, ministack: App, moto: Moto) -> None:
        self._ministack = ministack
        self._moto = moto

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Hand the request to whom its signature names."""
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
        status, answered, answer = await asyncio.to_thread(self._moto.ask, scope["method"], target, asked, bytes(body))
        headers = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in answered]
        headers.append((b"content-length", str(len(answer)).encode()))
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": answer})


def _of_the_message(headers: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Without those of the connection."""
    return {name: value for name, value in headers if name.lower() not in _CONNECTION_HEADERS}


def signed_for(headers: list[tuple[bytes, bytes]]) -> str | None:
    """The service in the credential scope of a request's signature, or None when it has none."""
    for name, value in headers:
        if name.lower() == b"authorization":
            match = _CREDENTIAL.search(value)
            return match[1].decode("ascii") if match else None
    return None


def error_as_json(status: int, text: str) -> str:
    """SQS's error as it writes it for those who accept JSON, as the deployed API does.

    MiniStack hands XML to the API's response templates, so that `$input.path('$.Error.Code')` would find nothing.
    """
    if status < 400 or not text.startswith("<?xml"):
        return text
    root = ElementTree.fromstring(text)  # noqa: S314 - the emulator's own answer
    error = {name: root.findtext(f".//{_SQS}{name}") for name in ("Code", "Message", "Type")}
    return json.dumps({"Error": error, "RequestId": root.findtext(f".//{_SQS}RequestId")})


def main() -> None:
    """Serve on the listening socket that was handed down, until SIGTERM."""
    socket_fd, moto_port = map(int, sys.argv[1:])
    # imported here: MiniStack takes a second and reads the environment as it is imported
    from hypercorn.asyncio import serve  # noqa: PLC0415
    from hypercorn.config import Config  # noqa: PLC0415
    from ministack import app  # noqa: PLC0415
    from ministack.services import apigateway_v1, scheduler, stepfunctions  # noqa: PLC0415

    respond = apigateway_v1._service_integration_response
    apigateway_v1._service_integration_response = lambda integration, status, text, *rest: respond(
        integration, status, error_as_json(status, text), *rest
    )
    apigateway.apply(apigateway_v1)
    moto = Moto(moto_port)
    workflows.reach_all(app, stepfunctions, MINISTACK_SERVICES, moto.handle)
    workflows.integrate(app, apigateway_v1)
    workflows.rest_the_clock(scheduler)
    config = Config()
    config.bind = [f"fd://{socket_fd}"]
    config.keep_alive_timeout = 75  # seconds, as MiniStack's own launcher sets
    config.loglevel = "WARNING"
    logging.getLogger("hypercorn.access").disabled = True
    asyncio.run(serve(Router(app.app, moto), config))  # type: ignore[arg-type]


if __name__ == "__main__":
    main()
