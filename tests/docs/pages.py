"""The product's documents: those in mkdocs.yml. A user may put more files next to them: no test reads those."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
EXAMPLES = ("command", "existing", "fifo", "spot")
CHANGELOG = ROOT / "CHANGELOG.md"


def _listed(entry: Any) -> Iterator[str]:
    """The pages of a part of mkdocs.yml's `nav`."""
    if isinstance(entry, str):
        yield entry
    else:
        for each in entry.values() if isinstance(entry, dict) else entry:
            yield from _listed(each)


#: The pages of the site, in the order of its navigation. BaseLoader: one of the settings is a Python object.
SITE = tuple(ROOT / name for name in _listed(yaml.load((ROOT / "mkdocs.yml").read_text(), yaml.BaseLoader)["nav"]))
#: What a reader reads to use the product: without what earlier versions were.
PAGES = tuple(page for page in SITE if page != CHANGELOG)


def section(title: str) -> str:
    (text,) = re.findall(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", README, re.MULTILINE | re.DOTALL)
    return str(text)


def rows(text: str) -> Iterator[list[str]]:
    for line in text.splitlines():
        if line.startswith("|") and not line.startswith("|---"):
            yield [cell.strip() for cell in line.strip("|").split("|")]
