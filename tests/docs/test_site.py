"""mkdocs.yml has each page, and each link between pages leads to a file and a heading that are there.

`make site` builds the site with mkdocs' own checks; these tests need no mkdocs.
"""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.docs.pages import CHANGELOG, README, ROOT, SITE
from tools import site

#: A fenced block, also inside a list.
FENCED = re.compile(r"^ *```.*?^ *```$", re.MULTILINE | re.DOTALL)
#: Words that may stand before the example.
MAX_WORDS_BEFORE = 70
LINK = re.compile(r"\]\(([^)\s]+)\)")


def name(page: Path) -> str:
    return str(page.relative_to(ROOT))


@cache
def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, by GitHub's rule, which mkdocs.yml asks for as well."""
    found: list[str] = []
    for heading in re.findall(r"^#+ (.*)$", FENCED.sub("", page.read_text(encoding="utf-8")), re.MULTILINE):
        plain = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading)
        anchor = re.sub(r"[^\w\- ]", "", plain.strip().lower()).replace(" ", "-")
        assert anchor not in found, f"{name(page)} has the heading {heading!r} twice"
        found.append(anchor)
    return set(found)


def links(page: Path) -> Iterator[tuple[str, Path, str]]:
    """Each link of a page to another file or heading: as written, the file, and the anchor without #."""
    text = re.sub(r"`[^`]*`", "", FENCED.sub("", page.read_text(encoding="utf-8")))
    for link in LINK.findall(text):
        if not link.startswith("https://"):
            path, _, anchor = link.partition("#")
            yield link, (page.parent / path).resolve() if path else page, anchor


@pytest.mark.parametrize("page", SITE, ids=name)
def test_each_link_leads_to_a_file_of_the_site_and_to_a_heading(page: Path) -> None:
    for link, target, anchor in links(page):
        assert target.is_file(), link
        assert name(target).split("/")[0] in site.LINKED, f"{link}: the site does not have it"
        if target.suffix == ".md":
            assert target in SITE, f"{link}: mkdocs.yml does not have this page"
            assert not anchor or anchor in anchors(target), link


def test_the_site_has_each_page_once() -> None:
    assert len(set(SITE)) == len(SITE) > 40
    assert [name(page) for page in SITE if not page.is_file()] == []


def test_the_readers_of_readme_and_of_the_site_find_each_page() -> None:
    found, new = set[Path](), {ROOT / "README.md"}
    while new:
        found |= new
        new = {target for page in new for _, target, _ in links(page) if target.suffix == ".md"} - found
    assert [name(page) for page in SITE if page not in found] == []


def before_the_example(page: Path) -> str:
    """What stands between a page's title and its first block of code, table, picture or quotation."""
    text = re.sub(r"<!--.*?-->", "", page.read_text(encoding="utf-8"), flags=re.DOTALL).split("\n", 1)[1]
    found = re.search(r"^(?:```|\||!\[|> )", text, re.MULTILINE)
    return text[: found.start()] if found else text


def test_each_page_begins_with_an_example() -> None:
    """The decisions and the changelog have their own form. What stands before the example is short."""
    others = {CHANGELOG, *(page for page in SITE if re.match(r"\d{4}-", page.name))}
    words = {name(page): len(before_the_example(page).split()) for page in SITE if page not in others}
    assert {page: count for page, count in words.items() if count > MAX_WORDS_BEFORE} == {}


def test_the_site_is_the_same_tree_as_the_repository(tmp_path: Path) -> None:
    site.link(tmp_path / "pages")
    site.link(tmp_path / "pages")
    assert (tmp_path / "pages/README.md").read_text(encoding="utf-8") == README
    assert all((tmp_path / "pages" / name(page)).samefile(page) for page in SITE)


def test_what_a_page_loads_from_another_host_is_found_and_links_are_not(tmp_path: Path) -> None:
    (tmp_path / "good.html").write_text(
        '<a href="https://aws.amazon.com">AWS</a><link rel="stylesheet" href="a.css"><img src="demo.svg">'
        '<link href="https://example.com/" rel="canonical">'
    )
    assert list(site.loaded_from_elsewhere(tmp_path)) == []
    (tmp_path / "bad.html").write_text(
        '<link rel="preconnect" href="https://fonts.example" crossorigin><script defer src=//cdn.example/x.js></script>'
    )
    (tmp_path / "bad.css").write_text('@import "https://a.example/a.css"; p {background: url(https://b.example/b.png)}')
    assert list(site.loaded_from_elsewhere(tmp_path)) == [
        "bad.css: https://a.example/a.css",
        "bad.css: https://b.example/b.png",
        "bad.html: https://fonts.example",
        "bad.html: //cdn.example/x.js",
    ]
