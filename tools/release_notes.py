"""Prints one version's part of CHANGELOG.md: `python -m tools.release_notes v0.1.0`."""

import argparse
import re
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]


def notes(tag: str, changelog: str, version: str) -> str:
    """The part of the changelog under the tag's version, without its heading.

    Raises ValueError if the tag is not `v` and the version of pyproject.toml, or if the changelog has no such part.
    """
    if tag != f"v{version}":
        raise ValueError(f"The tag is {tag}, but pyproject.toml says version {version}: change one of them.")
    found = re.search(rf"^## \[{re.escape(version)}\].*?\n(.*?)(?=^## \[|\Z)", changelog, re.MULTILINE | re.DOTALL)
    if found is None:
        raise ValueError(f"CHANGELOG.md has no part '## [{version}]': write it before the release.")
    return found[1].strip() + "\n"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tools.release_notes", description=__doc__)
    parser.add_argument("tag", help="v and the version of pyproject.toml")
    tag = parser.parse_args().tag
    try:
        pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text())
        sys.stdout.write(notes(tag, (ROOT / "CHANGELOG.md").read_text(), pyproject["project"]["version"]))
    except ValueError as error:
        sys.exit(str(error))
