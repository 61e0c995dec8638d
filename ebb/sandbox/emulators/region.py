"""Starts and stops the emulators behind one address. Provides boto clients, environment variables and the clock."""

import contextlib
import gc
import logging
import os
import shutil
import tempfile
import threading
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import botocore.session

from ebb.errors import UserError
from ebb.sandbox.emulators import inventory, local_client, moto_history, moto_patches
from ebb.sandbox.emulators.clock import EPOCH, SPEED, Clock
from ebb.sandbox.emulators.events import Events
from ebb.sandbox.emulators.local_http import OPENER
from ebb.sandbox.emulators.ministack.server import Server
from ebb.sandbox.emulators.reaper import Reaper

#: Real seconds in which an emulator must answer a reset.
RESET_LIMIT = 120


class RegionError(UserError):
    """There is a region already in this process."""


class Region:
    """A context manager: inside it, an empty AWS account answers at `endpoint`. At its end everything is removed.

    `region` is the region's code, `speed` the number of simulated seconds in a real one. moto has one state per
    process, so only one Region runs at a time. Raises UserError when an emulator does not start.
    """

    account = "000000000000"
    endpoint: str
    directory: Path
    reaper: Reaper
    _one = threading.Lock()

    def __init__(self, speed: float = 60.0, region: str = "us-east-1") -> None:
        self.region = region
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
            # moto and the program are a million objects here, which the collector would look at again and again
            cleanup.callback(gc.set_threshold, *gc.get_threshold())
            gc.set_threshold(10_000, 20, 20)
            self.directory = Path(tempfile.mkdtemp(prefix="ebb-sandbox-"))
            cleanup.callback(shutil.rmtree, self.directory, ignore_errors=True)
            self.reaper = Reaper(self.directory)
            cleanup.callback(self.reaper.stop)
            (self.directory / "aws-config").write_text(f"[default]\nregion = {self.region}\n")
            moto_history.EVENTS.append(self.events)
            cleanup.callback(moto_history.EVENTS.remove, self.events)
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
        """Variables that point an AWS SDK or CLI to the region, and not to the user's profile, proxy or account."""
        return {
            **self._profile(),
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": local_client.KEY,
            "AWS_SECRET_ACCESS_KEY": local_client.SECRET,
            "AWS_SESSION_TOKEN": "",
            "AWS_REGION": self.region,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_DISABLE_HOST_PREFIX_INJECTION": "true",  # there is no host sync-states.127.0.0.1
            "NO_PROXY": "127.0.0.1,localhost",
        }

    def _profile(self) -> dict[str, str]:
        config = str(self.directory / "aws-config")
        names = {"AWS_PROFILE": "default", "AWS_DEFAULT_PROFILE": "default"}
        return {**names, "AWS_CONFIG_FILE": config, "AWS_SHARED_CREDENTIALS_FILE": config}

    def client(self, service: str) -> Any:
        """The boto client of a service, one for all threads. It does not retry."""
        with self._clients_lock:
            if service not in self._clients:
                self._clients[service] = local_client.create(self._session, service, self.region, self.endpoint)
            return self._clients[service]

    def reset(self) -> None:
        """Empty the account and the events. The caller first stops the processes that use them."""
        self._post(f"{self.endpoint}/_ministack/reset")
        self._post(f"http://127.0.0.1:{self._moto_port}/moto-api/reset")
        self.events.clear()

    def inventory(self) -> list[str]:
        """The account's resources, one line each; none in an empty account."""
        return inventory.resources(self.client)

    @staticmethod
    def _post(url: str) -> None:
        with OPENER.open(urllib.request.Request(url, data=b"", method="POST"), timeout=RESET_LIMIT) as answer:  # noqa: S310
            answer.read()

    def _close_clients(self) -> None:
        for client in self._clients.values():
            client.close()
        self._clients.clear()

    def _start_moto(self, cleanup: contextlib.ExitStack) -> int:
        # moto makes boto sessions in this process: they must not read the user's profile
        environment = {
            "MOTO_ACCOUNT_ID": self.account,
            "MOTO_IAM_LOAD_MANAGED_POLICIES": "true",
            "MOTO_EC2_LOAD_DEFAULT_AMIS": "false",  # RunInstances takes any; they cost 0.2 s of each reset
            **self._profile(),
        }
        for name, value in environment.items():
            cleanup.callback(_restore, name, os.environ.get(name))
            os.environ[name] = value
        moto_patches.apply()
        from moto.server import ThreadedMotoServer  # noqa: PLC0415 - half a second, and it reads the environment

        log = logging.FileHandler(self.directory / "moto.log")
        cleanup.callback(log.close)
        for name in ("werkzeug", "moto"):
            logger = logging.getLogger(name)
            logger.setLevel(logging.WARNING)
            logger.propagate = False  # moto logs a traceback for each 500 that it answers
            logger.addHandler(log)
            cleanup.callback(logger.removeHandler, log)
        server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        server.start()
        cleanup.callback(server.stop)
        self._moto_port = int(server.get_host_and_port()[1])
        self._post(f"http://127.0.0.1:{self._moto_port}/moto-api/reset")  # an earlier Region may have left resources
        return self._moto_port

    def _start_ministack(self, cleanup: contextlib.ExitStack, moto_port: int) -> None:
        environment = {
            "MINISTACK_ACCOUNT_ID": self.account,
            "MINISTACK_REGION": self.region,
            "SFN_WAIT_SCALE": repr(1 / self.clock.speed),  # workflows wait in simulated seconds
            SPEED: repr(self.clock.speed),
            EPOCH: repr(self.clock.epoch),
        }
        server = Server(self.directory, str(moto_port), environment=environment)
        self.reaper.add(server.process.pid)
        cleanup.callback(self._stop, server)
        self.endpoint = server.endpoint
        server.wait_until_ready()

    def _stop(self, server: Server) -> None:
        server.kill()
        self.reaper.discard(server.process.pid)


def _restore(name: str, value: str | None) -> None:
    if value is None:
        os.environ.pop(name, None)
    else:
        os.environ[name] = value
