"""The site is built strictly, its links lead somewhere, and nothing is fetched from outside."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Final, NamedTuple
from urllib.parse import unquote, urlsplit

import pytest

from tests.docs import built
from tests.docs.console import ROOT

# What a browser fetches by itself; a link in a sentence is a person's to follow.
FETCHED: Final = {"src", "srcset", "poster", "data"}
_IN_STYLES: Final = re.compile(r"(?:url\(|@import )\s*[\"']?(?P<address>[^\"')\s]+)")


class Page(NamedTuple):
    """What a page names: places to go to, files to fetch, and its own anchors."""

    links: set[str]
    fetched: set[str]
    anchors: set[str]
    paragraphs: list[str]


class Reader(HTMLParser):
    """Collects them."""

    def __init__(self) -> None:
        super().__init__()
        self.page = Page(set(), set(), set(), [])
        self._in_paragraph = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = {key: value or "" for key, value in attrs}
        self.page.anchors.update(named[key] for key in ("id", "name") if key in named)
        if tag in ("a", "area") and "href" in named:
            self.page.links.add(named["href"])
        elif "href" in named and named.get("rel") != "canonical":
            self.page.fetched.add(named["href"])
        self.page.fetched.update(named[key] for key in FETCHED if key in named)
        self._in_paragraph = tag == "p"
        if self._in_paragraph:
            self.page.paragraphs.append("")

    def handle_data(self, data: str) -> None:
        if self._in_paragraph:
            self.page.paragraphs[-1] += data


def read(path: Path) -> Page:
    reader = Reader()
    reader.feed(path.read_text(encoding="utf-8"))
    return reader.page


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All pages, as `make docs` builds them."""
    return built.into(tmp_path_factory.mktemp("site"))


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[Path, Page]:
    return {path: read(path) for path in site.rglob("*.html")}


def test_every_page_of_the_docs_is_in_it(pages: dict[Path, Page], site: Path) -> None:
    docs = ROOT / "docs"
    wanted = {path.relative_to(docs).with_suffix(".html") for path in docs.rglob("*.md")}

    assert {path.relative_to(site) for path in pages} - {Path("404.html")} == wanted


def test_the_first_page_leads_to_every_other(pages: dict[Path, Page], site: Path) -> None:
    leads = {(site / urlsplit(each).path).resolve() for each in pages[site / "index.html"].links}

    assert set(pages) - leads - {site / "404.html"} == set()


def test_every_link_in_it_leads_to_a_page_and_to_an_anchor_of_it(
    pages: dict[Path, Page], site: Path
) -> None:
    broken = []
    for path, page in pages.items():
        for link in page.links:
            there = urlsplit(link)
            if there.scheme or there.netloc:
                continue
            base = site if there.path.startswith("/") else path.parent
            target = (base / unquote(there.path).lstrip("/")).resolve() if there.path else path
            anchors = pages[target].anchors if target in pages else set()
            if not target.exists() or (there.fragment and unquote(there.fragment) not in anchors):
                broken.append((path.name, link))
    assert broken == []


def test_nothing_is_fetched_from_outside(pages: dict[Path, Page], site: Path) -> None:
    named = {(path.name, each) for path, page in pages.items() for each in page.fetched}
    styles = {
        (path.name, found["address"])
        for path in site.rglob("*.css")
        for found in _IN_STYLES.finditer(path.read_text(encoding="utf-8"))
    }

    assert {pair for pair in named | styles if urlsplit(pair[1]).netloc} == set()


def test_lists_and_tables_are_lists_and_tables(pages: dict[Path, Page]) -> None:
    """GitHub's Markdown and Python's do not agree where one begins."""
    raw = re.compile(r"(?m)^(?:[-*] |\d+\. |\| )")

    assert [
        (path.name, text[:60])
        for path, page in pages.items()
        for text in page.paragraphs
        if raw.search(text)
    ] == []
