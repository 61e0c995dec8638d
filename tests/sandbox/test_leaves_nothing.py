"""`sandbox up`, ended by Ctrl-C at any moment, leaves no process, port or file; all its sockets are on 127.0.0.1."""

import ipaddress
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from ebb.project import stacks
from ebb.sandbox import running
from tests.helpers.waiting import LIMIT, alive, until

ROOT = Path(__file__).resolve().parents[2]
LISTEN = "0A"  # st in /proc/net/tcp


#: `ebb sandbox up` with the worker of this checkout: the user's Dockerfile may need what this machine has not.
UP = """
import functools, sys
from ebb.cli import app
from ebb.sandbox import live_view
from ebb.sandbox.demo import WORKER
live_view.Sandbox = functools.partial(live_view.Sandbox, image=WORKER)
app(["sandbox", "up", *sys.argv[1:]])
"""


class Up:
    """`ebb sandbox up` in a separate process group, with a separate temporary folder."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.folder = folder
        self.process = subprocess.Popen(
            [sys.executable, "-c", UP, *options],
            cwd=ROOT,
            env={**os.environ, "TMPDIR": str(folder)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self.output: list[str] = []
        self._reader = threading.Thread(target=lambda: self.output.extend(self.process.stdout or ()), daemon=True)
        self._reader.start()

    def wait_for(self, text: str) -> str:
        """The first line with `text`."""

        def found() -> str | None:
            ended = self.process.poll() is not None
            line = next((line for line in list(self.output) if text in line), None)
            assert line or not ended, "".join(self.output)
            return line

        return until(found, seen=lambda: "".join(self.output))

    def ctrl_c(self) -> int:
        """What a terminal does: SIGINT to the whole foreground group. The exit code."""
        os.killpg(self.process.pid, signal.SIGINT)
        return self.ended()

    def ended(self) -> int:
        """Wait for its end and for all of its output. The exit code."""
        code = self.process.wait(LIMIT)
        self._reader.join(LIMIT)
        assert self.process.stdout is not None
        self.process.stdout.close()
        return code

    def family(self) -> set[int]:
        """The process and all that descend from it or stand in its session's tree."""
        parents = {int(entry.name): _parent(entry) for entry in Path("/proc").iterdir() if entry.name.isdigit()}
        family = {self.process.pid}
        while more := {pid for pid, parent in parents.items() if parent in family} - family:
            family |= more
        return family


def _parent(process: Path) -> int:
    try:
        return int((process / "stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0


def _address(digits: str) -> str:
    """An address of /proc/net/tcp or tcp6, 32-bit words in this machine's order; gRPC maps 127.0.0.1 into IPv6."""
    words = [int(digits[at : at + 8], 16).to_bytes(4, sys.byteorder) for at in range(0, len(digits), 8)]
    address = ipaddress.ip_address(b"".join(words))
    return str(getattr(address, "ipv4_mapped", None) or address)


def _listening(pids: set[int]) -> set[tuple[str, int]]:
    """Addresses and ports of the listening TCP sockets of these processes."""
    inodes = set()
    for pid in pids:
        try:
            links = [os.readlink(file) for file in Path(f"/proc/{pid}/fd").iterdir()]  # noqa: PTH115
        except OSError:
            continue
        inodes |= {match[1] for link in links if (match := re.fullmatch(r"socket:\[(\d+)\]", link))}
    found = set()
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            address, port = fields[1].split(":")
            if fields[3] == LISTEN and fields[9] in inodes:
                found.add((_address(address), int(port, 16)))
    return found


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    made = tmp_path / "tmp"
    made.mkdir()
    yield made
    shutil.rmtree(made)


def _assert_nothing_left(up: Up, family: set[int], ports: set[tuple[str, int]]) -> None:
    assert {pid for pid in family if alive(pid)} == set()
    for address, port in ports:
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection((address, port), timeout=LIMIT).close()
    assert sorted(file.name for file in up.folder.iterdir()) == []


def test_ctrl_c_while_jobs_run_leaves_no_process_port_or_file_and_all_sockets_are_local(folder: Path) -> None:
    up = Up(folder)
    url = up.wait_for("The API is at").split()[4].rstrip(".")
    page = up.wait_for("The stack's page").split()[-1]
    with urllib.request.urlopen(page.partition("#")[0], timeout=LIMIT) as response:
        assert "<title>Ebb</title>" in response.read().decode()
    body = b'{"sleep": 60}'
    request = urllib.request.Request(f"{url}/jobs", body, {"Content-Type": "application/json"}, method="POST")
    with urllib.request.urlopen(request, timeout=LIMIT) as response:
        assert response.status == 202
    up.wait_for("1 in flight")
    family, ports = up.family(), _listening(up.family())
    assert len(family) >= 4, "the command, an emulator, a task and its job"
    assert {address for address, _ in ports} == {"127.0.0.1"}
    assert up.ctrl_c() == 0, "".join(up.output)
    _assert_nothing_left(up, family, ports)


@pytest.mark.parametrize("moment", ["Updating (", "creating ("])
def test_ctrl_c_while_the_engine_deploys_lets_it_finish_and_leaves_nothing(folder: Path, moment: str) -> None:
    up = Up(folder, "--verbose")
    up.wait_for(moment)
    family, ports = up.family(), _listening(up.family())
    assert {address for address, _ in ports} == {"127.0.0.1"}
    assert up.ctrl_c() in (0, 130), "".join(up.output)
    assert "Traceback" not in "".join(up.output)
    _assert_nothing_left(up, family, ports)


def test_sigterm_cleans_up_too(folder: Path) -> None:
    up = Up(folder, "--in-process")
    up.wait_for("Ctrl-C ends")

    def announced() -> bool:
        found = running.find("sandbox")  # by the commands for a deployed stack
        return found is not None and found.process == up.process.pid

    until(announced)
    family, ports = up.family(), _listening(up.family())
    up.process.terminate()
    assert up.ended() == 0, "".join(up.output)
    _assert_nothing_left(up, family, ports)
    assert not announced()


def test_a_stack_that_does_not_exist_is_one_sentence(folder: Path) -> None:
    up = Up(folder, "--stack", "nowhere")
    assert up.ended() == 1
    assert up.output == [f"There is no stack 'nowhere'; this project has {', '.join(stacks())}.\n"]
