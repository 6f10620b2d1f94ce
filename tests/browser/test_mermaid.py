"""Every chart that stands in a page as Mermaid is drawn by Mermaid itself."""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
import tarfile
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Final

import platformdirs
import pytest
from filelock import FileLock
from playwright.sync_api import Error

from engine_ci.report import history, history_markdown, markdown, mermaid
from tests.browser.results import recorded
from tests.unit.bump import records
from tests.unit.report import past

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.browser.test_gate_page import Open

# GitHub does not say which one it draws with; xychart-beta is of version 10.
VERSION: Final = "11.17.2"
PROGRAM: Final = "package/dist/mermaid.min.js"
SHA256: Final = "581ed7d74bd9048d0e3a91363927d72ef22942d7722546b27f7cc29e35390eb8"
BLOCK: Final = re.compile(r"^```mermaid\n(.*?)\n```$", re.MULTILINE | re.DOTALL)
DRAW: Final = "async text => (await mermaid.render('drawn', text)).svg"


@pytest.fixture(scope="module")
def program() -> str:
    """Mermaid for a browser, fetched once by npm into the user's cache folder."""
    home = Path(platformdirs.user_cache_dir("engine-ci")) / "tests"
    file = home / f"mermaid-{VERSION}.js"
    home.mkdir(parents=True, exist_ok=True)
    with FileLock(home / f"mermaid-{VERSION}.lock"):
        if not file.is_file():
            fetch(file)
    text = file.read_bytes()
    assert hashlib.sha256(text).hexdigest() == SHA256
    return text.decode()


def fetch(file: Path) -> None:
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("npm, which brings Mermaid, is not on this machine")
    subprocess.run([npm, "pack", "--silent", f"mermaid@{VERSION}"], cwd=file.parent, check=True)
    archive = file.with_name(f"mermaid-{VERSION}.tgz")
    with tarfile.open(archive) as packed:
        member = packed.extractfile(PROGRAM)
        assert member is not None
        file.write_bytes(member.read())
    archive.unlink()


@pytest.fixture
def drawn(visit: Open, program: str) -> Callable[[str], str]:
    """Draws a chart; Error where Mermaid cannot read it."""

    def draw(chart: str) -> str:
        with visit("<!DOCTYPE html><title>Mermaid</title>") as opened:
            opened.page.add_script_tag(content=program)
            return str(opened.page.evaluate(DRAW, chart))

    return draw


def charts(text: str) -> list[str]:
    return BLOCK.findall(text)


def test_the_picture_of_a_pull_request_is_drawn(drawn: Callable[[str], str]) -> None:
    result = recorded("passed")
    body = records.planned(gate=markdown.render(result)).body

    (chart,) = charts(body)
    picture = drawn(chart)

    assert picture.count("<rect") > 3 * len(result.performance)
    for measured in result.performance:
        assert measured.metric in picture


def test_every_picture_of_a_history_is_drawn(drawn: Callable[[str], str]) -> None:
    page = history_markdown.render(
        history.gather(past.many(), pins=None, today=date(2026, 11, 22), unread=())
    )
    found = charts(page)

    assert len(found) == 3
    for chart in found:
        assert drawn(chart).count('<g class="line-plot') == 3


@pytest.mark.parametrize(
    "name", ["", "gh-1", '"] bar [1]', "%%{init: {}}%%", "---", "end", "```", "a\nb", "ünï"]
)
def test_whatever_a_metric_is_called(drawn: Callable[[str], str], name: str) -> None:
    (chart,) = charts(mermaid.ratios([past.measurement(1.0, metric=name)]))

    assert "<svg" in drawn(chart)


def test_what_is_no_chart_would_be_refused(drawn: Callable[[str], str]) -> None:
    (chart,) = charts(mermaid.ratios([past.measurement(1.0)]))

    with pytest.raises(Error):
        drawn(chart.replace('"generation"', '"generation'))
