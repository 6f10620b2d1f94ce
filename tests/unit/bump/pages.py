"""What a reader sees of a page."""

from __future__ import annotations

from markdown_it import MarkdownIt


def sections(text: str) -> list[str]:
    """The headings of the second level that a reader sees."""
    tokens = MarkdownIt("commonmark").enable("table").parse(text)
    at = [index for index, token in enumerate(tokens) if token.type == "heading_open"]
    return [tokens[index + 1].content for index in at if tokens[index].tag == "h2"]
