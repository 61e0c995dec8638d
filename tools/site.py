"""Builds the documents as a site, by mkdocs: `python -m tools.site MKDOCS build --strict`, or `serve`.

The pages link to each other as files of the repository do, so mkdocs gets a folder of symbolic links with the same
tree. After a build no page may load anything from another host: then the site, with its search, works offline.
"""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
#: `docs_dir` and `site_dir` of mkdocs.yml.
PAGES, SITE = ROOT / ".cache/pages", ROOT / "site"
LINKED = ("README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md", "LICENSE", "docs", "examples")
#: Without the theme's advertisement of its successor.
_ENVIRONMENT = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
#: What a browser loads by itself, in HTML and in CSS.
_LOADED = re.compile(
    r"""<(?:script|img|iframe|source|link(?![^>]*rel="?(?:canonical|next|prev)))\b[^>]*?\s(?:src|href)="?((?:https?:)?//[^\s">]+)"""
    r"""|(?:url\(|@import )["']?((?:https?:)?//[^"')]+)"""
)


def link(folder: Path) -> None:
    """Make the folder of links."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in folder.iterdir():
        path.unlink()
    for name in LINKED:
        (folder / name).symlink_to(ROOT / name)


def loaded_from_elsewhere(site: Path) -> Iterator[str]:
    """Each address of another host that a built page or style sheet loads."""
    for path in sorted(site.rglob("*")):
        if path.suffix in {".html", ".css"}:
            for found in _LOADED.finditer(path.read_text(encoding="utf-8")):
                yield f"{path.relative_to(site)}: {found[1] or found[2]}"


def main(mkdocs: str, *words: str) -> int:
    """Run mkdocs. Returns 1 if it fails, or if a page loads something from elsewhere."""
    link(PAGES)
    try:
        code = subprocess.run([mkdocs, *words], cwd=ROOT, env=_ENVIRONMENT, check=False).returncode
    except KeyboardInterrupt:  # the way to end `serve`
        return 0
    if code or words[0] != "build":
        return code
    found = list(loaded_from_elsewhere(SITE))
    for line in found:
        sys.stderr.write(f"{line} is loaded from another host.\n")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
