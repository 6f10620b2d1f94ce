from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from engine_ci.records.gate import GateResult, Status, Verdict
from engine_ci.report import markdown
from engine_ci.system.markdown import BREAK, visible
from tests.unit.report.build import HOST, PASSED, check, measurement, result
from tests.unit.report.snapshots import FOLDER, RENDERED

PARSER = MarkdownIt("gfm-like", {"linkify": False})
HOSTILE = st.text() | st.lists(
    st.sampled_from(
        ["`", "```", "\n", "\n\n", "|", "\\", "<!--", "-->", "</details>", "@a", "#1", "- "]
    )
).map("".join)


@pytest.mark.parametrize("name", [name for name in RENDERED if name.endswith(".md")])
def test_the_rendering_is_the_committed_one(name: str) -> None:
    assert RENDERED[name]() == (FOLDER / name).read_text(encoding="utf-8")


def said_by_an_engine(text: str) -> GateResult:
    spoken = result(
        check("loads/a", Status.FAIL, observed=text, detail=f"x{text}"),
        check("chat/a", Status.SKIP, observed=text),
        verdict=Verdict.FAIL,
        performance=(measurement(text),),
    )
    host = HOST.model_copy(update={"processor": text, "system": text})
    return spoken.model_copy(update={"host": host})


@given(HOSTILE)
def test_what_an_engine_says_changes_nothing_around_it(text: str) -> None:
    hostile, harmless = (
        [token.type for token in PARSER.parse(markdown.render(said_by_an_engine(said)))]
        for said in (text, "harmless")
    )

    assert hostile == harmless


@given(HOSTILE)
def test_evidence_is_a_block_with_the_last_lines(text: str) -> None:
    tokens = PARSER.parse(markdown.render(said_by_an_engine(text)))
    (block,) = [token.content for token in tokens if token.type == "fence" and token.info == "text"]
    last = visible(f"x{text}".rstrip().splitlines()[-1])

    assert block.replace(BREAK, "").splitlines()[-1] == last


def test_every_check_is_in_a_table_and_a_skipped_one_is_no_pass() -> None:
    rendered = markdown.render(
        result(
            check("loads/a"),
            check("loads/b", Status.SKIP, observed="not asked"),
            check("loads/c", Status.SKIP, observed="neither"),
        )
    )

    assert "| ✅ pass | `loads/a` |" in rendered
    assert "| ⏭️ skip | `loads/b` |" in rendered
    assert "- `loads/b`: `not asked`\n- `loads/c`: `neither`\n" in rendered


def test_a_question_that_could_not_be_asked_is_marked_as_an_error() -> None:
    rendered = markdown.render(
        result(check("loads/a", Status.ERROR, observed="no model"), verdict=Verdict.ERROR)
    )

    assert rendered.startswith("### 💥 The gate says: error\n\nCould not be asked: loads/a. ")
    assert "| 💥 error | `loads/a` |" in rendered


def test_the_verdict_stands_first() -> None:
    assert markdown.render(PASSED).startswith("### ✅ The gate says: pass\n\nNothing got worse. ")


def test_speed_is_a_picture_below_its_table_where_it_can_be_drawn() -> None:
    absurd = measurement().model_copy(update={"low": -1.0})

    drawn = markdown.render(result(check("loads/a"), performance=(measurement(),)))
    told = markdown.render(result(check("loads/a"), performance=(absurd,)))

    assert drawn.index("| `generation` |") < drawn.index("```mermaid\n")
    assert "| `generation` | 1.002 | -1.000 to 1.013 |" in told
    assert "mermaid" not in told
