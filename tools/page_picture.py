"""Writes docs/page.png, the page of a sandbox under a load: `python -m tools.page_picture`.

The sandbox, its jobs and the browser are real. It needs Chromium or Chrome.
"""

import argparse
import io
import os
import re
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image

from tests.helpers.browser import MISSING, Page, browser, command

ROOT = Path(__file__).resolve().parents[1]
PICTURE = ROOT / "docs/page.png"
COMMAND = [sys.executable, "-m", "ebb", "sandbox", "up"]
WIDTH = 1120  # pixels
COLOURS = 96
#: The load, and what the page shows before it is photographed.
JOBS_A_MINUTE = 60
BUSY = """
  Number(document.getElementById('running').textContent) >= 3
  && Number(document.getElementById('ended').textContent) >= 5
  && new Set([...document.querySelectorAll('.dot')].filter(each => getComputedStyle(each).opacity == 1)
    .map(each => each.style.offsetPath)).size >= 2
  && document.querySelectorAll('#job-rows progress').length
"""
BROKEN_JOB = '{"reject": "The file is no video."}'


def take(page: Page, address: str) -> bytes:
    """A picture of the page under a load, as PNG."""
    page.show(WIDTH)
    page.open(address)
    page.wait("document.getElementById('body').value")
    page.evaluate(
        f"document.getElementById('body').value = {BROKEN_JOB!r}; document.querySelector('#send button').click()"
    )
    page.wait("document.getElementById('sent').textContent")
    page.evaluate(f"""
      document.getElementById('body').value = '{{"sleep": 5}}';
      document.getElementById('rate').value = {JOBS_A_MINUTE};
      for (const each of ['input', 'change']) document.getElementById('rate').dispatchEvent(new Event(each));
    """)
    page.wait(BUSY)
    return page.picture()


def small(picture: bytes) -> bytes:
    """The same picture in few colours."""
    file = io.BytesIO()
    Image.open(io.BytesIO(picture)).convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE).save(
        file, "PNG", optimize=True
    )
    return file.getvalue()


def main() -> None:
    """Start a sandbox, and write the picture."""
    argparse.ArgumentParser(prog="python -m tools.page_picture", description=__doc__).parse_args()
    program = command() or sys.exit(MISSING)
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    with (
        tempfile.TemporaryDirectory() as profile,
        subprocess.Popen(COMMAND, stdout=subprocess.PIPE, text=True, env=environment) as sandbox,
    ):
        assert sandbox.stdout  # noqa: S101 - a pipe was asked for
        try:
            found = (re.search(r"http://127\.0\.0\.1:\d+/#\S+", line) for line in sandbox.stdout)
            address = next((match[0] for match in found if match), None)
            if address is None:
                raise RuntimeError(f"{' '.join(COMMAND)} has ended without a page.")
            with browser(program, Path(profile)) as page:
                PICTURE.write_bytes(small(take(page, address)))
        finally:
            sandbox.send_signal(signal.SIGINT)


if __name__ == "__main__":
    main()
