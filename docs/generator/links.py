"""A hook of MkDocs: pages that read well on GitHub become pages of a site.

A link to a file outside of `docs/` is one on GitHub only; the site shows the path instead. Python's
Markdown begins a list only after an empty line, which GitHub's does not ask for.
"""

from __future__ import annotations

import logging
import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

_LOG: Final = logging.getLogger("mkdocs.hooks.links")
_LINK: Final = re.compile(r"(?<!!)\[([^\]]+)\]\((\.\./[^)#\s]+)(?:#[^)\s]*)?\)")
_FENCED: Final = re.compile(r"(?ms)^( *```.*?^ *```$)")
_LIST_AFTER_TEXT: Final = re.compile(r"(?m)^(?! *([-*]|\d+\.) )(\S.*)\n(?=([-*]|\d+\.) )")


def on_page_markdown(markdown: str, *, page: Page, config: MkDocsConfig, files: Files) -> str:
    """What MkDocs reads in place of a page's text. A link to a file that is not there is told."""
    del files
    docs = Path(config.docs_dir).resolve()
    here = (docs / page.file.src_uri).parent
    parts = _FENCED.split(markdown)
    parts[::2] = [_spaced(_inward(part, here=here, docs=docs)) for part in parts[::2]]
    return "".join(parts)


def _inward(text: str, *, here: Path, docs: Path) -> str:
    def shown(link: re.Match[str]) -> str:
        target = (here / link[2]).resolve()
        if target.is_relative_to(docs):
            return link[0]
        if not target.exists():
            _LOG.warning("%s links to %s, which is not there", here, link[2])
        path = str(target.relative_to(docs.parent))
        said = link[1].strip("`")
        return f"`{path}`" if path.endswith(said.rstrip("/")) else f"{link[1]} (`{path}`)"

    return _LINK.sub(shown, text)


def _spaced(text: str) -> str:
    return _LIST_AFTER_TEXT.sub(r"\2\n\n", text)
