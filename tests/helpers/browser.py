"""Headless Chromium, to measure and to photograph pages. It is driven by its own protocol through two pipes.

Chrome DevTools Protocol: chromedevtools.github.io/devtools-protocol. Messages are JSON, each with a NUL behind it.
"""

import base64
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

from tests.helpers.waiting import LIMIT

#: The commands of Chromium and Chrome on Linux, and Chrome's path on macOS.
COMMANDS = (
    *("chromium", "chromium-browser", "google-chrome", "google-chrome-stable"),
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
)
MISSING = "There is no Chromium or Chrome on PATH: install it, such as with `apt-get install chromium`."
#: Without a window, a profile, a network or a GPU; the sandbox of Chromium does not work for root.
OPTIONS = (
    *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--mute-audio"),
    *("--disable-background-networking", "--disable-component-update", "--disable-extensions", "--disable-sync"),
    "--remote-debugging-pipe",
)
#: The browser reads from its file descriptor 3, and writes to 4.
_EXEC = """
import os, sys
read, write = os.dup2(int(sys.argv[1]), 100), os.dup2(int(sys.argv[2]), 101)
os.dup2(read, 3), os.dup2(write, 4)
os.execv(sys.argv[3], sys.argv[3:])
"""


def command() -> str | None:
    """The path of a browser, if there is one."""
    return next((path for name in COMMANDS if (path := shutil.which(name))), None)


class Page:
    """A tab of the browser."""

    def __init__(self, to: int, answers: Iterator[dict[str, Any]]) -> None:
        self._to, self._answers, self._ids = to, answers, count(1)
        self._session: str | None = None
        #: The addresses of all requests of the tab.
        self.requested: list[str] = []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        self.call("Page.enable")
        self.call("Network.enable")
        self.call("Emulation.setScrollbarsHidden", hidden=True)

    def call(self, method: str, **params: object) -> dict[str, Any]:
        """Call a method of the protocol, and return its result."""
        number = next(self._ids)
        session = {"sessionId": self._session} if self._session else {}
        os.write(self._to, json.dumps({"id": number, "method": method, "params": params, **session}).encode() + b"\0")
        answer = self._next(lambda message: message.get("id") == number)
        assert "error" not in answer, f"{method}: {answer['error']}"
        result: dict[str, Any] = answer["result"]
        return result

    def open(self, page: Path | str) -> None:
        """Load a file or an address, and wait until it is there."""
        self.call("Page.navigate", url=page if isinstance(page, str) else page.as_uri())
        self._next(lambda message: message.get("method") == "Page.loadEventFired")

    def _next(self, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """The next message that is wanted."""
        for message in self._answers:
            if message.get("method") == "Network.requestWillBeSent":
                self.requested.append(message["params"]["request"]["url"])
            if wanted(message):
                return message
        raise AssertionError("The browser has ended.")

    def show(self, width: int, *, dark: bool = False, paper: bool = False, calm: bool = False) -> None:
        """Set the width in CSS pixels, the colours, the medium, and whether the user wants less motion."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=False)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        motion = {"name": "prefers-reduced-motion", "value": "reduce" if calm else ""}
        self.call("Emulation.setEmulatedMedia", media="print" if paper else "screen", features=[scheme, motion])

    def evaluate(self, expression: str) -> Any:
        """The value of a JavaScript expression; of a promise, what it becomes."""
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def wait(self, expression: str) -> None:
        """Wait until a JavaScript expression is true."""
        every = 50  # milliseconds
        again = f"const look = () => ({expression}) ? done() : setTimeout(look, {every})"
        looks = f"new Promise(done => {{ {again}; look(); }})"
        limit = f"new Promise(done => setTimeout(done, {LIMIT * 1000}, 'late'))"
        answer = self.call("Runtime.evaluate", expression=f"Promise.race([{looks}, {limit}])", awaitPromise=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        assert answer["result"].get("value") != "late", (
            f"not true: {expression}; {self.evaluate('document.body.innerText')}"
        )

    def press(self, key: str, text: str = "") -> None:
        """Press a key, such as Tab, or Enter with its text."""
        for kind in ("keyDown", "keyUp"):
            self.call(
                "Input.dispatchKeyEvent",
                type=kind,
                key=key,
                code=key,
                text=text if kind == "keyDown" else "",
                windowsVirtualKeyCode={"Tab": 9, "Enter": 13, "Escape": 27, " ": 32, "End": 35, "Home": 36}[key],
            )

    def type(self, element: str, text: str) -> None:
        """Replace the text of the field with this id."""
        self.evaluate(f"document.getElementById({element!r}).select()")
        self.call("Input.insertText", text=text)

    def picture(self) -> bytes:
        """The whole page as PNG."""
        return base64.b64decode(self.call("Page.captureScreenshot", captureBeyondViewport=True)["data"])

    def paper(self) -> bytes:
        """The printed page as PDF, on A4 with the page's own margins."""
        self.call("Emulation.setEmulatedMedia", media="print", features=[])
        answer = self.call("Page.printToPDF", preferCSSPageSize=True, paperWidth=8.27, paperHeight=11.69)
        return base64.b64decode(answer["data"])


@contextmanager
def browser(program: str, profile: Path) -> Iterator[Page]:
    """A running browser with one tab; its files are in the folder `profile`."""
    theirs_in, to = os.pipe()
    answers, theirs_out = os.pipe()
    started = subprocess.Popen(
        [sys.executable, "-c", _EXEC, str(theirs_in), str(theirs_out), program, *OPTIONS, f"--user-data-dir={profile}"],
        pass_fds=(theirs_in, theirs_out),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(theirs_in)
    os.close(theirs_out)
    try:
        yield Page(to, _messages(answers))
    finally:
        os.close(to)
        os.close(answers)
        started.terminate()
        started.wait()


def _messages(pipe: int) -> Iterator[dict[str, Any]]:
    left = b""
    while read := os.read(pipe, 1 << 20):
        *whole, left = (left + read).split(b"\0")
        for each in whole:
            yield json.loads(each)


if __name__ == "__main__" and command() is None:
    print(f"The pages' tests are left out. {MISSING}")
