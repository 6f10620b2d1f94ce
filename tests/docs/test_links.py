"""Pages for GitHub become those of a site: links out of the docs are paths there."""

from __future__ import annotations

import logging
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest
from mkdocs.structure.files import Files

from docs.generator import links
from tests.docs.console import DOCS

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.pages import Page


def shown(markdown: str, *, page: str = "index.md") -> str:
    return links.on_page_markdown(
        markdown,
        page=cast("Page", SimpleNamespace(file=SimpleNamespace(src_uri=page))),
        config=cast("MkDocsConfig", SimpleNamespace(docs_dir=str(DOCS))),
        files=Files([]),
    )


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("[the app](../examples/tauri-app)", "the app (`examples/tauri-app`)"),
        ("[`workflows/`](../workflows)", "`workflows`"),
        ("[page](review.md#whose-approval-counts)", "[page](review.md#whose-approval-counts)"),
        ("[away](https://example.org/../x)", "[away](https://example.org/../x)"),
        (
            "```\n[the app](../examples/tauri-app)\n```",
            "```\n[the app](../examples/tauri-app)\n```",
        ),
        ("Words:\n- one\n- two", "Words:\n\n- one\n- two"),
        ("Words:\n1. one\n2. two", "Words:\n\n1. one\n2. two"),
        ("- one\n  more\n- two", "- one\n  more\n- two"),
    ],
)
def test_a_text_is_read_as_on_github(written: str, expected: str) -> None:
    assert shown(written) == expected


def test_a_link_to_another_page_stays_one_from_a_folder_below() -> None:
    assert shown("[page](../review.md)", page="howto/rollback.md") == "[page](../review.md)"
    assert "(`Makefile`)" in shown("[it](../../Makefile)", page="howto/rollback.md")


def test_a_link_that_leads_nowhere_is_told(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, logger="mkdocs.hooks.links"):
        shown("[gone](../no-such-file)")

    assert "../no-such-file, which is not there" in caplog.text
