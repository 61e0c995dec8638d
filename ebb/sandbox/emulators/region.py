"""Starts and stops the emulators behind one address; hands out clients, the environment and the clock."""

import contextlib
import logging
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import botocore.session
from botocore.config import Config

from ebb.errors import UserError
from ebb.project import ROOT
from ebb.sandbox.emulators import inventory, moto_patches
from ebb.sandbox.emulators.clock import Clock
from ebb.sandbox.emulators.reaper import Guard

#: Real seconds that MiniStack may take to answer after its start; it takes one, more on a busy machine.
START_LIMIT = 60
#: What a process of ours keeps of the user's environment: nothing about AWS, proxies or Python.
_KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR")
#: A proxy of the user's must not come between us and this machine.
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class RegionError(UserError):
    """The region could not be started; the text is one sentence for the user."""


@dataclass(frozen=True)
class Event:
    """Something that happened: `time` in simulated seconds since the epoch, `kind` for programs, `text` for people."""

    time: float
    kind: str
    text: str
    data: dict[str, Any] = field(default_factory=dict)


class Events:
    """What happened, in order; any thread may add."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._events: list[Event] = []
        self._lock = threading.Lock()

    def add(self, kind: str, text: str, **data: Any) -> None:
        """Append an event that happens now."""
        with self._lock:
            self._events.append(Event(self._clock.now(), kind, text, data))

    def since(self, position: int) -> list[Event]:
        """All events but the first `position` ones."""
        with self._lock:
            return self._events[position:]

    def clear(self) -> None:
        """Forget all."""
        with self._lock:
            self._events.clear()

    def __len__(self) -> int:
        return len(self._events)

    def __iter__(self) -> Iterator[Event]:
        return iter(self.since(0))


class Region:
    """A context manager: inside, an empty AWS account answers at `endpoint`; afterwards nothing of it is left.

    `speed` is how many simulated seconds pass in a real one. moto's state is one per process: one Region at a time.
    Raises RegionError when an emulator does not start.
    """

    account = "000000000000"
    region = "us-east-1"
    endpoint: str
    directory: Path
    guard: Guard
    _one = threading.Lock()

    def __init__(self, speed: float = 60.0) -> None:
        self.clock = Clock(speed)
        self.events = Events(self.clock)
        self._clients: dict[str, Any] = {}
        self._clients_lock = threading.Lock()
        self._cleanup = contextlib.ExitStack()

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as cleanup:
            if not self._one.acquire(blocking=False):
                raise RegionError("Only one region can run in a process at a time.")
            cleanup.callback(self._one.release)
            self.directory = Path(tempfile.mkdtemp(prefix="ebb-sandbox-"))
            cleanup.callback(shutil.rmtree, self.directory, ignore_errors=True)
            self.guard = Guard(self.directory)
            cleanup.callback(self.guard.stop)
            (self.directory / "aws-config").write_text(f"[default]\nregion = {self.region}\n")
            moto_port = self._start_moto(cleanup)
            self._start_ministack(cleanup, moto_port)
            cleanup.callback(self._close_clients)
            self._session = botocore.session.Session()
            self._cleanup = cleanup.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._cleanup.close()

    def environment(self) -> dict[str, str]:
        """Variables that point any AWS SDK or CLI here, and away from the user's own profile, proxy and account."""
        return {
            **self._profile(),
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_SESSION_TOKEN": "",
            "AWS_REGION": self.region,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_DISABLE_HOST_PREFIX_INJECTION": "true",  # sync-states.127.0.0.1 is nobody's name
            "NO_PROXY": "127.0.0.1,localhost",
        }

    def _profile(self) -> dict[str, str]:
        config = str(self.directory / "aws-config")
        names = {"AWS_PROFILE": "default", "AWS_DEFAULT_PROFILE": "default"}
        return {**names, "AWS_CONFIG_FILE": config, "AWS_SHARED_CREDENTIALS_FILE": config}

    def client(self, service: str) -> Any:
        """The boto client of a service: one for all threads, its connections kept, nothing tried twice."""
        with self._clients_lock:
            if service not in self._clients:
                self._clients[service] = self._session.create_client(
                    service,
                    region_name=self.region,
                    endpoint_url=self.endpoint,
                    aws_access_key_id="test",
                    aws_secret_access_key="test",  # noqa: S106
                    config=Config(
                        retries={"total_max_attempts": 1},  # what moto has not, it answers 500: trying again is no help
                        proxies={},
                        max_pool_connections=50,
                        inject_host_prefix=False,
                        use_fips_endpoint=False,
                        use_dualstack_endpoint=False,
                    ),
                )
            return self._clients[service]

    def reset(self) -> None:
        """Empty the account and the events; processes that use them are the caller's to stop first."""
        self._post(f"{self.endpoint}/_ministack/reset")
        self._post(f"http://127.0.0.1:{self._moto_port}/moto-api/reset")
        self.events.clear()

    def leftovers(self) -> list[str]:
        """What exists beyond what an empty account has, one line each."""
        return inventory.find(self.client)

    @staticmethod
    def _post(url: str) -> None:
        with _DIRECT.open(urllib.request.Request(url, data=b"", method="POST"), timeout=START_LIMIT) as answer:  # noqa: S310
            answer.read()

    def _close_clients(self) -> None:
        for client in self._clients.values():
            client.close()
        self._clients.clear()

    def _start_moto(self, cleanup: contextlib.ExitStack) -> int:
        # moto makes boto sessions of its own here: a profile of the user's would reach them
        environment = {"MOTO_ACCOUNT_ID": self.account, "MOTO_IAM_LOAD_MANAGED_POLICIES": "true", **self._profile()}
        for name, value in environment.items():
            cleanup.callback(_restore, name, os.environ.get(name))
            os.environ[name] = value
        from moto.server import ThreadedMotoServer  # noqa: PLC0415 - half a second, and it reads the environment

        moto_patches.apply()
        log = logging.FileHandler(self.directory / "moto.log")
        cleanup.callback(log.close)
        for name in ("werkzeug", "moto"):
            logger = logging.getLogger(name)
            logger.setLevel(logging.WARNING)
            logger.propagate = False  # moto's 500s are answers; their traces belong into the file
            logger.addHandler(log)
            cleanup.callback(logger.removeHandler, log)
        server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        server.start()
        cleanup.callback(server.stop)
        self._moto_port = int(server.get_host_and_port()[1])
        self._post(f"http://127.0.0.1:{self._moto_port}/moto-api/reset")  # a Region before us may have left something
        return self._moto_port

    def _start_ministack(self, cleanup: contextlib.ExitStack, moto_port: int) -> None:
        log = self.directory / "ministack.log"
        # the socket is bound here and handed down: no one can take the port in between
        with socket.create_server(("127.0.0.1", 0), backlog=1024) as listener, log.open("wb") as output:
            port = listener.getsockname()[1]
            process = subprocess.Popen(
                [sys.executable, "-m", "ebb.sandbox.emulators.ministack", str(listener.fileno()), str(moto_port)],
                cwd=ROOT,
                env=self._ministack_environment(port),
                pass_fds=[listener.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,  # a Ctrl-C is for us: destroying the stack still needs the emulators
            )
        self.guard.add(process.pid)
        cleanup.callback(self._kill, process)
        self.endpoint = f"http://127.0.0.1:{port}"
        deadline = time.monotonic() + START_LIMIT
        while not self._ready():
            if process.poll() is not None or time.monotonic() > deadline:
                last = (log.read_text(errors="replace").strip() or "it wrote nothing").splitlines()[-1]
                raise RegionError(f"MiniStack did not start: {last}")
            time.sleep(0.02)

    def _ministack_environment(self, port: int) -> dict[str, str]:
        return {
            **{name: os.environ[name] for name in _KEPT if name in os.environ},
            "GATEWAY_PORT": str(port),  # what queue URLs say
            "MINISTACK_HOST": "127.0.0.1",
            "MINISTACK_ACCOUNT_ID": self.account,
            "MINISTACK_REGION": self.region,
            "IOT_MTLS_ENABLED": "0",  # else it opens 8883 on all interfaces
            "SFTP_ENABLED": "0",
            "SFN_WAIT_SCALE": repr(1 / self.clock.speed),  # what workflows wait, they wait in simulated seconds
            "DOCKER_HOST": f"unix://{self.directory}/no-docker",  # else it removes containers of other MiniStacks
            "LOG_LEVEL": "WARNING",
            "TMPDIR": str(self.directory),
            "PYTHONDONTWRITEBYTECODE": "1",
        }

    def _ready(self) -> bool:
        try:
            _DIRECT.open(f"{self.endpoint}/_ministack/ready", timeout=START_LIMIT).close()
        except OSError:  # refused, or 503 while it starts
            return False
        return True

    def _kill(self, process: subprocess.Popen[bytes]) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):  # macOS: EPERM for one that has just ended
            os.killpg(process.pid, signal.SIGKILL)  # its state is in memory: there is nothing to save
        process.wait()
        self.guard.discard(process.pid)


def _restore(name: str, value: str | None) -> None:
    if value is None:
        os.environ.pop(name, None)
    else:
        os.environ[name] = value
