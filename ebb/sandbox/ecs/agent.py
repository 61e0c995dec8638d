"""The ECS agent's HTTP endpoint for tasks: task protection and metadata version 4.

Paths, field names and answers follow the agent's source (amazon-ecs-agent, ecs-agent/tmds/handlers).
"""

import json
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Protocol

#: Minutes of protection (API_UpdateTaskProtection).
MIN_MINUTES = 1
MAX_MINUTES = 2880
DEFAULT_MINUTES = 120

Answer = tuple[int, Any]


class AgentTask(Protocol):
    """The used part of a task."""

    @property
    def arn(self) -> str:
        """The task's ARN."""

    @property
    def standalone(self) -> bool:
        """Whether the task belongs to no service."""

    @property
    def has_role(self) -> bool:
        """Whether the task has a role. The agent calls ECS with it."""

    @property
    def protected_until(self) -> float | None:
        """Real seconds since the epoch; None if it is not protected."""

    def protect(self, minutes: int | None) -> str | None:
        """Protect for so long; None ends the protection. Returns the reason of a refusal."""

    def metadata(self) -> dict[str, Any]:
        """The answer of `${ECS_CONTAINER_METADATA_URI_V4}/task`."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Does nothing: a task may be killed during its request."""


class Agent:
    """Serves all tasks. `find` returns the task with an id."""

    def __init__(self, find: Callable[[str], AgentTask | None]) -> None:
        self._find = find
        self._server = _Server(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), name="ecs-agent", daemon=True)

    def start(self) -> None:
        """Answer until stop()."""
        self._thread.start()

    def stop(self) -> None:
        """Close the port."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def environment(self, task_id: str) -> dict[str, str]:
        """The environment variables with the agent's addresses."""
        base = f"http://127.0.0.1:{self._server.server_port}"
        return {
            "ECS_AGENT_URI": f"{base}/api/{task_id}",
            "ECS_CONTAINER_METADATA_URI_V4": f"{base}/v4/{task_id}",
        }

    def answer(self, method: str, path: str, body: bytes) -> Answer:
        """Status and JSON body for a request."""
        parts = path.strip("/").split("/")
        kind, task_id, rest = parts[0], parts[1] if len(parts) > 1 else "", parts[2:]
        task = self._find(task_id)
        if kind == "api" and rest == ["task-protection", "v1", "state"]:
            return _protection(method, task, body)
        if kind == "v4" and task is not None and method == "GET":
            metadata = task.metadata()
            if rest in ([], ["task"]):
                return 200, metadata if rest else metadata["Containers"][0]
        return 404, "404 page not found"

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        answer = self.answer

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1  # one packet for head and body: a second one waits 40 ms for the first one's ACK

            def do_GET(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                status, value = answer(self.command, self.path, body)
                content = json.dumps(value).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_PUT = do_GET  # noqa: N815

            def log_message(self, format: str, *args: Any) -> None:
                """Does nothing: requests are not shown on the terminal."""

        return Handler


def _protection(method: str, task: AgentTask | None, body: bytes) -> Answer:
    request = _decode(body) if method == "PUT" else {}
    if request is None:
        return _error("", 400, "InvalidParameterException", "UpdateTaskProtection: failed to decode request")
    if task is None:
        return _error("", 404, "ResourceNotFoundException", "Failed to find a task for the request")
    if method == "PUT" and request.get("protectionenabled") is None:
        text = "Invalid request: does not contain 'ProtectionEnabled' field"
        return _error(task.arn, 400, "InvalidParameterException", text)
    if not task.has_role:
        text = "Invalid Request: no task IAM role credentials available for task"
        return _error(task.arn, 403, "AccessDeniedException", text)
    if task.standalone:  # API_UpdateTaskProtection
        return 200, {"failure": {"Arn": task.arn, "Detail": None, "Reason": "TASK_NOT_VALID"}}
    return (method == "PUT" and _update(task, request)) or _state(task)


def _update(task: AgentTask, request: dict[str, Any]) -> Answer | None:
    """Protects the task. Returns ECS's refusal, or None."""
    minutes = request.get("expiresinminutes")
    minutes = DEFAULT_MINUTES if minutes is None else minutes
    if not MIN_MINUTES <= minutes <= MAX_MINUTES:
        text = f"expiresInMinutes must be between {MIN_MINUTES} and {MAX_MINUTES}"
        return _error(task.arn, 400, "InvalidParameterException", text)
    reason = task.protect(minutes if request["protectionenabled"] else None)
    return (200, {"failure": {"Arn": task.arn, "Detail": None, "Reason": reason}}) if reason else None


def _state(task: AgentTask) -> Answer:
    until = task.protected_until
    expiry = until and datetime.fromtimestamp(until, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    state = {"ExpirationDate": expiry, "ProtectionEnabled": until is not None, "TaskArn": task.arn}
    return 200, {"protection": state}


def _decode(body: bytes) -> dict[str, Any] | None:
    """The request with lower-case names, as Go ignores the case. None for unknown fields and wrong types."""
    try:
        request = {str(name).lower(): value for name, value in json.loads(body).items()}
    except (ValueError, AttributeError):
        return None
    types = {"protectionenabled": bool, "expiresinminutes": int}
    if any(name not in types or type(value) not in (types[name], type(None)) for name, value in request.items()):
        return None
    return request


def _error(arn: str, status: int, code: str, message: str) -> Answer:
    error = {"Arn": arn, "Code": code, "Message": message}
    return status, {"error": {name: value for name, value in error.items() if value}}
