from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from engine_ci.system import markdown
from engine_ci.system.markdown import BREAK

PARSER = MarkdownIt("gfm-like", {"linkify": False, "html": True})
# Any text, and text made of the pieces that do harm.
PIECES = st.lists(
    st.sampled_from(
        [
            "`", "``", "```", "~~~", "\\", "|", "*", "_", "[a](b)", "<b>", "<!--", "-->", "--!>",
            "@octocat", "#12", "gh-3", "fixes #4", "octo/repo#5", "https://host/x", "www.host",
            "{{", "}}", "{%", "%}", "{#", "#}", "${{", "&amp;", "&#64;", "# ", "- ", "1. ", "1) ",
            "> ", "=== ", "--- ", ":-- ", "\n", "\r", "\n\n", "\t", " ", "\x1b[31m", "\u202e",
            "\u2028", "\ud800", "é", "a", "7", "$x$", "$", "[skip ci]", "[No CI]",
            "skip-checks: true", "\u3164", "\ufe0f", "\U000e0141",
        ]
    )
).map("".join)  # fmt: skip
HOSTILE = PIECES | st.text() | st.text(alphabet=st.characters(codec="ascii"))
ALIVE = re.compile(
    r"@\w|#\d|gh-\d|://|www\.|<!--|--!?>|\$\{|\{[{%#]|[}%#]\}"
    r"|\[(?:skip|no) ci\]|skip-checks:",
    re.ASCII | re.IGNORECASE,
)


def read(text: str) -> str:
    """What a reader sees of one line: invisible characters spelled out, spaces made one."""
    return markdown.visible(" ".join(text.split()))


def inline(rendered: str) -> list[tuple[str, str]]:
    """The types and contents of the inline tokens of a document that is one paragraph."""
    opening, content, closing = PARSER.parse(rendered)
    assert (opening.type, closing.type) == ("paragraph_open", "paragraph_close")
    tokens = [(token.type, token.content) for token in content.children or ()]
    return [(kind.replace("text_special", "text"), content) for kind, content in tokens]


@given(HOSTILE)
def test_nothing_that_github_would_act_on_survives(text: str) -> None:
    forms = (markdown.plain, markdown.code, markdown.cell, markdown.block)
    rendered = "\n".join(form(text) for form in forms)

    assert ALIVE.search(rendered) is None


@given(HOSTILE)
def test_no_prose_becomes_mathematics(text: str) -> None:
    rendered = markdown.plain(text)

    assert rendered.count("$") == rendered.count(rf"{BREAK}\$")


@given(HOSTILE)
def test_making_text_inert_twice_is_making_it_so_once(text: str) -> None:
    assert markdown.inert(markdown.inert(text)) == markdown.inert(text)


@given(HOSTILE)
def test_what_is_rendered_can_be_written_as_utf8(text: str) -> None:
    assert markdown.block(text).encode()


@given(HOSTILE)
def test_a_code_span_holds_exactly_its_text(text: str) -> None:
    ((kind, content),) = inline(markdown.code(text))

    assert (kind, content.replace(BREAK, "").strip(" ")) == ("code_inline", read(text))


@given(HOSTILE)
@example("1.")
@example(":--")
def test_plain_text_under_a_line_is_text_and_nothing_else(text: str) -> None:
    tokens = inline(f"x\n{markdown.plain(text)}")
    words = "".join(content for _, content in tokens)

    assert {kind for kind, _ in tokens} <= {"text", "softbreak"}
    assert words.replace(BREAK, "") == f"x{read(text)}"


@given(HOSTILE)
def test_plain_text_opens_no_block_at_the_start_of_a_document(text: str) -> None:
    rendered = markdown.plain(text)
    kinds = [token.type for token in PARSER.parse(rendered)]

    assert kinds == (["paragraph_open", "inline", "paragraph_close"] if rendered else [])


@given(st.lists(HOSTILE, min_size=1, max_size=4))
def test_a_row_keeps_its_cells(texts: list[str]) -> None:
    row = "|".join(f" {markdown.cell(text)} " for text in texts)
    prose = "|".join(f" {markdown.plain(text)} " for text in texts)
    lines = [f"|{'a|' * len(texts)}", f"|{'---|' * len(texts)}", f"|{row}|", f"|{prose}|"]
    cells = [token for token in PARSER.parse("\n".join(lines)) if token.type == "td_open"]
    contents = [
        "".join(child.content for child in token.children or ()).replace(BREAK, "").strip(" ")
        for token in PARSER.parse("\n".join(lines))
        if token.type == "inline"
    ][len(texts) :]

    assert len(cells) == 2 * len(texts)
    assert contents == [read(text) for text in texts] * 2


@given(HOSTILE, st.sampled_from(["", "before\n\n"]))
def test_a_block_holds_exactly_its_lines(text: str, before: str) -> None:
    *_, fence, after, content, closing = PARSER.parse(f"{before}{markdown.block(text)}\nafter")
    lines = [markdown.visible(line) for line in text.splitlines()]

    assert (fence.type, fence.info) == ("fence", "text")
    assert fence.content.replace(BREAK, "").split("\n") == [*(lines or [""]), ""]
    assert (after.type, content.content) == ("paragraph_open", "after")
    assert closing.type == "paragraph_close"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("thanks @octocat", f"thanks @{BREAK}octocat"),
        ("Fixes #12", f"Fixes #{BREAK}12"),
        ("a <b> & *c*", r"a \<b\> \& \*c\*"),
        ("- item", r"\- item"),
        ("1. item", r"1\. item"),
        ("0.1.3 is next", "0.1.3 is next"),
        ("3 GiB", "3 GiB"),
        ("two\nlines", "two lines"),
        ("docs: typo [skip ci]", rf"docs: typo \[{BREAK}skip ci\]"),
        ("for $x$ only", rf"for {BREAK}\$x{BREAK}\$ only"),
        ("a\u3164b \U000e0141", r"a\\u3164b \\U000e0141"),
        ("well done ⚠️", "well done ⚠️"),
        ("red \x1b[31m", r"red \\x1b\[31m"),
    ],
)
def test_plain_text_by_example(text: str, expected: str) -> None:
    assert markdown.plain(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("--mlock", "`--mlock`"),
        ("a `b` c", "``a `b` c``"),
        ("`b`", "`` `b` ``"),
        ("a|b", "`a|b`"),
        ("", "` `"),
    ],
)
def test_code_by_example(text: str, expected: str) -> None:
    assert markdown.code(text) == expected


def test_lines_for_a_terminal_keep_their_ends_and_show_what_cannot_be_seen() -> None:
    assert markdown.shown("\x1b[2Jone\n\ttwo\u202e\r\nthree") == "\\x1b[2Jone\n\ttwo\\u202e\nthree"


def test_a_pipe_in_a_cell_is_escaped_and_a_backslash_before_it_is_kept_apart() -> None:
    assert markdown.cell("a|b\\|c") == f"`a\\|b\\{BREAK}\\|c`"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "```text\n\n```"),
        ("a\tb\nc\n", "```text\na\tb\nc\n```"),
        ("a\n```\nb", "````text\na\n```\nb\n````"),
        ("\x1b[31m", "```text\n\\x1b[31m\n```"),
    ],
)
def test_a_block_by_example(text: str, expected: str) -> None:
    assert markdown.block(text) == expected
