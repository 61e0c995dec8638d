"""The page's HTTP server. It listens on 127.0.0.1, answers only its own page, and needs a token for every datum.

Each program of this machine, and each site in the user's browser, can connect to a local port. So a request is checked
before its body is read. `Host` is compared because a foreign name can point at 127.0.0.1 (DNS rebinding). `Origin` is
compared against other sites, and the token against other users: only the page's address has it.
"""

import hmac
import json
import secrets
import socketserver
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import resources
from typing import Any, cast
from urllib.parse import parse_qsl, urlsplit

from ebb.errors import UserError
from ebb.page.api import Api, RequestError

ADDRESS = "127.0.0.1"
#: Bytes of a request's body: a job's body may have 200 KB (docs/api.md, "Limits"), and JSON in JSON is longer.
MAX_BODY_BYTES = 1_000_000
#: Seconds in which a client must send its request; a browser keeps a connection this long.
TIMEOUT_SECONDS = 30
TOKEN_HEADER = "X-Ebb-Token"  # noqa: S105 - its name
_TYPES = {
    "html": "text/html; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}
#: The browser loads nothing from elsewhere, sends nothing elsewhere, and makes no HTML from text.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
)
_HEADERS = {
    "Content-Security-Policy": POLICY,
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}


class Server(ThreadingHTTPServer):
    """Serves one stack's page. Port 0 is any free one. Raises UserError if the port is not free."""

    daemon_threads = True
    block_on_close = False  # a browser keeps its connections open

    def __init__(self, api: Api, port: int = 0) -> None:
        self.api = api
        self.token = secrets.token_urlsafe(24)
        self.files = {
            f"/{'' if each.name == 'page.html' else each.name}": (
                _TYPES[each.name.rpartition(".")[2]],
                each.read_bytes(),
            )
            for each in (resources.files("ebb.page") / "static").iterdir()
        }
        try:
            super().__init__((ADDRESS, port), _Handler)
        except OSError as error:
            reason = error.strerror or str(error)
            raise UserError(f"Port {port} of {ADDRESS} cannot be used ({reason}): give another --port.") from None

    def server_bind(self) -> None:
        """Bind without a look-up of this machine's name, which can take seconds."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = ADDRESS, self.server_address[1]

    @property
    def address(self) -> str:
        """The page's address with the token. A fragment is never sent, so it is in no log."""
        return f"http://{ADDRESS}:{self.server_port}/#{self.token}"

    @property
    def hosts(self) -> set[str]:
        """What `Host` may be."""
        return {f"{name}:{self.server_port}" for name in (ADDRESS, "localhost")}


@contextmanager
def serving(api: Api, port: int = 0) -> Iterator[Server]:
    """A server that runs in a thread until the end of the block."""
    with Server(api, port) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.1,), name="page", daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            api.close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = TIMEOUT_SECONDS

    def do_GET(self) -> None:
        """A file of the page, or data."""
        self._answer()

    def do_POST(self) -> None:
        """A change."""
        self._answer()

    def _answer(self) -> None:
        server = cast(Server, self.server)
        path = urlsplit(self.path).path
        if refusal := self._refusal(server, path):
            self.close_connection = True  # its body was not read
            self._send(HTTPStatus.FORBIDDEN, {"error": refusal})
        elif self.command == "GET" and path in server.files:
            self._bytes(HTTPStatus.OK, *server.files[path])
        else:
            try:
                self._send(HTTPStatus.OK, self._call(server.api, path))
            except RequestError as error:
                self._send(error.status, {"error": str(error)})
            except UserError as error:
                self._send(HTTPStatus.BAD_GATEWAY, {"error": str(error)})
            except Exception:
                defect = "The page's server has a defect: see its terminal."
                self._send(HTTPStatus.INTERNAL_SERVER_ERROR, {"error": defect})
                raise

    def _refusal(self, server: Server, path: str) -> str | None:
        """Why a request is not answered."""
        host, origin = self.headers.get("Host", ""), self.headers.get("Origin")
        if host not in server.hosts:
            return f"This server answers {ADDRESS}:{server.server_port} only."
        if origin is not None and origin != f"http://{host}":
            return "This server answers its own page only, and no other site."
        if self.command == "GET" and path in server.files:
            return None  # they are the same for every stack
        given = self.headers.get(TOKEN_HEADER, "")
        if not hmac.compare_digest(given.encode(), server.token.encode()):
            return "Open the whole address that the command printed: what follows the # is the key to this page."
        return None

    def _call(self, api: Api, path: str) -> Mapping[str, Any]:
        if self.command == "GET":
            return api.get(path, dict(parse_qsl(urlsplit(self.path).query)))
        length = self.headers.get("Content-Length", "")
        if not (length.isascii() and length.isdigit() and int(length) <= MAX_BODY_BYTES):
            self.close_connection = True
            raise RequestError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"A change has at most {MAX_BODY_BYTES} bytes.")
        body = self.rfile.read(int(length))
        if self.headers.get_content_type() != "application/json":
            raise RequestError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "A change is sent as application/json.")
        try:
            given = json.loads(body)
        except ValueError:
            given = None
        if not isinstance(given, dict):
            raise RequestError(HTTPStatus.BAD_REQUEST, "A change is a JSON object.")
        return api.post(path, given)

    def _send(self, status: HTTPStatus, data: Mapping[str, Any]) -> None:
        self._bytes(status, "application/json", json.dumps(data).encode())

    def _bytes(self, status: HTTPStatus, kind: str, content: bytes) -> None:
        try:
            self.send_response(status)
            for name, value in {"Content-Type": kind, "Content-Length": str(len(content)), **_HEADERS}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)
        except ConnectionError:  # the browser has gone away
            self.close_connection = True

    def version_string(self) -> str:
        """The header `Server`."""
        return "ebb"

    def log_message(self, format: str, *args: object) -> None:
        """Log nothing: the page asks each few seconds."""
