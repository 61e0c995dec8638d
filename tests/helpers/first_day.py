"""A copy of the checkout with the edits that a user makes on the first day."""

import os
import shutil
from pathlib import Path

from ebb.project import ROOT

HANDLER = """from worker.thumbnails import shrink
import yaml

async def handle(job):
    return shrink( yaml.safe_load(job.body) )
"""
THUMBNAILS = """def shrink(order):
    print('shrunk', order)
"""
TEST = """from worker.thumbnails import shrink
def test_shrink( capsys ):
    shrink('a picture'); assert 'a picture' in capsys.readouterr().out
"""
DEV = """# mine
config:
  aws:region: eu-central-1
  aws:allowedAccountIds: ["123456789012"]
  other:text: anything
  ebb:worker:
    image: {build: worker}
    secrets: {TOKEN: /app/token}
  ebb:scaling: {max_tasks: 4}
"""
#: A page with a long sentence, a broken link and a block of another kind.
NOTES = f"""# Notes
See [all](nowhere.md) {"and more " * 30}.

```toml
name = "mine"
```
"""
WORKFLOW = """on: push
jobs: {mine: {runs-on: ubuntu-latest, steps: [{run: make video}, {uses: actions/checkout@v1}]}}
"""
NEW = """config:
  aws:region: us-west-2
  ebb:queue: {fifo: true}
"""


def checkout(folder: Path) -> Path:
    """Copies what a clone has into `folder`, with this virtual environment, and makes the edits.

    Compiled modules come along, so that no process compiles them again.
    """
    ignored = {line.strip("/") for line in (ROOT / ".gitignore").read_text().splitlines()} - {"__pycache__"}
    copy = folder / "ebb"
    shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(".git", ".venv", *ignored))
    (copy / ".venv").symlink_to(ROOT / ".venv")
    (copy / "worker/handler.py").write_text(HANDLER)
    (copy / "worker/thumbnails.py").write_text(THUMBNAILS)
    (copy / "tests/handler").mkdir()
    (copy / "tests/handler/test_thumbnails.py").write_text(TEST)
    with (copy / "worker/requirements.txt").open("a") as requirements:
        requirements.write("PyYAML\n")
    (copy / "NOTES.md").write_text(NOTES)
    counter = copy / "counter"  # as examples/command says
    shutil.copytree(copy / "worker", counter)
    shutil.copytree(copy / "examples/command", counter, dirs_exist_ok=True)
    for page in (copy / "docs/video.md", copy / "examples/video/README.md"):
        page.parent.mkdir(exist_ok=True)
        page.write_text(NOTES)
    (copy / ".github/workflows/video.yml").write_text(WORKFLOW)
    dockerfile = copy / "worker/Dockerfile"
    edited = dockerfile.read_text().replace("python:3.13-slim", "python:3.12")
    dockerfile.write_text(
        edited.replace("\nWORKDIR", "\nRUN apt-get update && apt-get install --yes ffmpeg\nWORKDIR", 1)
    )
    (copy / "Pulumi.dev.yaml").write_text(DEV)
    (copy / "Pulumi.my.dev.yaml").write_text(NEW)
    for name in ("shared", "prod"):
        (copy / f"Pulumi.{name}.yaml").unlink(missing_ok=True)
    return copy


#: `make` in the copy, which takes the virtual environment as current.
MAKE = ("make", "--assume-old=.venv/.installed")


def environment() -> dict[str, str]:
    """This process's variables, for a separate `make` or pytest."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "MAKE"))}
