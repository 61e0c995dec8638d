"""The product's documents by name. A user may put more files next to them: no test reads those."""

import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
DOCS = ("api", "architecture", "benchmarks", "configuration", "page", "sandbox", "scaling", "style", "worker")
DECISIONS = (
    "0001-rest-api-straight-into-sqs",
    "0002-step-policies-on-our-own-alarms",
    "0003-task-protection-against-scale-in",
    "0004-settings-as-models",
    "0005-a-real-engine-in-the-sandbox",
    "0006-a-child-process-per-job",
    "0007-a-queue-with-jobs-is-not-deleted",
)
EXAMPLES = ("command", "existing", "fifo", "spot")
CHANGELOG = ROOT / "CHANGELOG.md"
#: What a reader reads to use the product.
PAGES = tuple(
    ROOT / f"{name}.md"
    for name in (
        *("README", "CONTRIBUTING", "SECURITY"),
        *(f"docs/{name}" for name in DOCS),
        *(f"docs/adr/{name}" for name in DECISIONS),
        "examples/README",
        *(f"examples/{name}/README" for name in EXAMPLES),
    )
)


def section(title: str) -> str:
    (text,) = re.findall(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", README, re.MULTILINE | re.DOTALL)
    return str(text)


def rows(text: str) -> Iterator[list[str]]:
    for line in text.splitlines():
        if line.startswith("|") and not line.startswith("|---"):
            yield [cell.strip() for cell in line.strip("|").split("|")]
