from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine_ci.bump import body
from engine_ci.config import PullRequestPolicy
from engine_ci.pins.model import Asset, Commit, GitHubReleases, SourceBuild
from engine_ci.records.bundle import Attestation
from engine_ci.records.candidate import Decision, Refusal, Release, Standing
from engine_ci.records.gate import Engines, Status, Verdict
from engine_ci.records.upstream import KnownRegression, Missed, Unavailable
from engine_ci.report import markdown
from tests.unit.bump import records
from tests.unit.bump.hostile import attested, planned
from tests.unit.bump.pages import sections

SNAPSHOT = Path(__file__).with_name("body.md")
SECTIONS = [
    "Which build",
    "Provenance",
    "What changed",
    "Refused candidates",
    "Gate",
    "Validation",
    "Risks",
    "Rollback",
]
EVIL = (
    "@octocat fixes #1, closes GH-7 <!-- {{ 7*7 }} {% raw %} --> ](x) | `` ${{ x }} <b>\n"
    "## Risks\n```"
)
MARK = "<!-- engine-ci: llama.cpp 0.1.3 -->"


def test_the_page_is_what_a_reviewer_was_shown() -> None:
    assert records.planned().body == SNAPSHOT.read_text(encoding="utf-8")


def test_who_has_to_approve_its_checks_is_said_before_the_first_section() -> None:
    first, _, _ = records.planned().body.partition("\n## ")

    assert "On what `github-actions[bot]` opens, checks wait: somebody who may write" in first


def test_the_sections_come_in_the_order_of_a_review() -> None:
    assert sections(records.planned().body) == SECTIONS


def test_a_draft_says_why_before_anything_else() -> None:
    noisy = records.measurement(verdict="inconclusive", ratio=0.98, low=0.9, high=1.07)
    result = records.result(verdict=Verdict.INCONCLUSIVE, performance=(noisy,))

    text = records.planned(result=result).body

    assert text.startswith(
        "> [!WARNING]\n"
        "> **This is a draft: the gate says inconclusive.**\n"
        "> - `generation`: the speed ratio is 0.980, anywhere from 0.900 to 1.070 after 48 pairs: "
        "too noisy to tell\n"
        "\n"
    )


def test_what_the_policy_opens_as_ready_still_says_why_it_is_no_pass() -> None:
    unsure = records.result(verdict=Verdict.INCONCLUSIVE)

    text = records.planned(result=unsure, policy=PullRequestPolicy(draft_on=())).body

    assert text.startswith("> [!WARNING]\n> **The gate says inconclusive.**\n> - `gate`: it could")


def test_what_is_not_known_is_said_and_not_made_up() -> None:
    alone = Engines(candidate=records.engine("0.1.3", tree="e"))

    text = records.planned(pinned=None, result=records.result(engines=alone)).body

    assert "- flags: not available: not both engines were asked\n" in text
    assert "- files and architectures: not available: there is no bundle of the pinned" in text
    assert "- what changed in the source code: not available: nobody asked\n\n## Ref" in text


def test_what_upstream_tells_is_listed_by_module() -> None:
    known = records.upstream(
        records.commit("server : faster (#7)"),
        records.commit("@octocat: hello", module="@octocat"),
        records.commit("tests : more", module="tests", relevant=False),
    )

    text = records.planned(candidate=records.candidate(upstream=known)).body

    assert (
        "- model architectures in the source code gained: `qwen3next`\n"
        "- chat formats with a parser of their own: the same\n"
        "- commits: 3, from `1111111111` to `2222222222`\n"
        "- `@\u200boctocat`: 1\n"
        "  - `ababababab` @\u200boctocat: hello\n"
        "- `server`: 1\n"
        "  - `ababababab` server : faster (#\u200b7)\n"
        "\n"
        "<details><summary>of no use to the bundle: 1</summary>\n"
        "\n"
        "- `tests`: 1\n"
        "  - `ababababab` tests : more\n"
        "\n"
        "</details>\n"
        "\n"
        "- model architectures that upstream has at `3333333333`, and the pinned engine has not: "
        "`kimi-k3`, `qwen3next`\n"
        "\n"
        "## Refused candidates\n"
    ) in text


def test_what_upstream_tells_in_part_is_said_in_part() -> None:
    silent = Unavailable(reason="the list has moved")
    known = records.upstream()
    changed = known.range.model_copy(update={"architectures": silent, "chat_formats": silent})
    missed = Missed(tip="3" * 40, at=records.NOW, architectures=())
    some = known.model_copy(update={"range": changed, "missed": missed})

    text = records.planned(candidate=records.candidate(upstream=some)).body

    assert "- model architectures in the source code: not available: the list has moved\n" in text
    assert "- chat formats with a parser of their own: not available: the list has moved\n" in text
    assert "- commits: 0, from `1111111111` to `2222222222`\n- model architectures that" in text
    assert "and the pinned engine has not: none\n\n## Refused" in text


def test_a_range_that_is_not_known_hides_nothing_else() -> None:
    unknown = records.upstream(range=Unavailable(reason="there is no tag"))

    text = records.planned(candidate=records.candidate(upstream=unknown)).body

    assert (
        "- what changed in the source code: not available: there is no tag\n"
        "- model architectures that upstream has at `3333333333`, and the pinned engine has not: "
        "`kimi-k3`, `qwen3next`\n"
    ) in text


def test_architectures_that_cannot_be_told_hide_no_commit() -> None:
    unknown = records.upstream(
        records.commit("server : faster"), missed=Unavailable(reason="the list has moved")
    )

    text = records.planned(candidate=records.candidate(upstream=unknown)).body

    assert "  - `ababababab` server : faster\n- model architectures that upstream has" in text
    assert "pinned engine has not: not available: the list has moved\n\n## Ref" in text


def test_a_long_range_is_listed_in_part_and_counted_whole() -> None:
    modules = [f"module-{number:02}" for number in range(40)]
    every = [
        records.commit("x" * 300, module=name, relevant=relevant)
        for name in modules
        for relevant in (True, False)
        for _ in range(30)
    ]
    missed = Missed(tip="3" * 40, at=records.NOW, architectures=tuple(modules))
    known = records.upstream(*every, missed=missed)

    text = records.planned(candidate=records.candidate(upstream=known)).body

    assert len(text) <= body.LIMIT
    assert "- commits: 2,400, from" in text
    assert "<details><summary>of no use to the bundle: 1,200</summary>\n" in text
    # Of those that reach the bundle, and of the rest.
    assert text.count("- `module-07`: 30\n") == 2
    assert "`module-08`: 30" not in text
    assert text.count("  - and 26 more\n") == 16
    assert text.count("- and 32 more modules\n") == 2
    assert "`module-07`, and 32 more\n" in text


def test_known_regressions_of_the_candidate_are_risks() -> None:
    fault = KnownRegression(first=1, last=2, what="slow", link="https://example.invalid/1")
    known = records.upstream(regressions=(fault,))

    text = records.planned(candidate=records.candidate(upstream=known)).body

    assert "- `b1 to b2`: known upstream: slow (https:\u200b//example.invalid/1)\n" in text


def test_architectures_that_one_side_does_not_list_are_not_compared() -> None:
    text = records.planned(pinned=records.before(architectures=())).body

    assert "- model architectures: not available: not both engines list them\n" in text


def test_nothing_new_is_said_as_such() -> None:
    text = records.planned(
        pinned=records.bundle(), candidate=records.candidate(refused=(), decisions=())
    ).body

    assert "- model architectures: the same\n" in text
    assert "- libraries of the operating system: the same\n" in text
    assert "- the engines are identical, byte for byte\n" in text
    assert "None was tried and refused.\n" in text
    assert "were not tried" not in text


def test_a_refusal_without_evidence_stands_alone() -> None:
    refused = (Refusal(version="0.2.0", reason="its download is truncated"),)

    text = records.planned(candidate=records.candidate(refused=refused)).body

    assert "`0.2.0`: its download is truncated\n\nNewer releases" in text


def test_builds_and_rebuilds_are_named_where_there_are_any() -> None:
    asset = Asset(name="llama-b11194-bin-ubuntu-x64.tar.gz", size=1, sha256="a" * 64)
    old = records.pin(
        source=GitHubReleases(kind="github-releases", repository="example/llama.cpp"),
        version="b11194",
        build=11194,
        platforms={"ubuntu-x64": asset},
    )
    text = records.planned(
        pin=old,
        candidate=records.candidate(current="b11194", chosen=Release(version="b11429")),
        bundle=records.bundle(version="b11429", build=11429, rebuild=1),
    ).body

    assert "| build | 11194 | 11429 |\n| rebuild | 0 | 1 |\n" in text
    assert "The source is the releases of example/llama.cpp." in text


@pytest.mark.parametrize(
    ("place", "named"),
    [
        ({"package": "toy"}, "package toy of the package index"),
        ({"repository": "file:///up"}, "file:///up"),
    ],
)
def test_source_code_is_said_to_be_built_here(place: dict[str, str], named: str) -> None:
    source = SourceBuild.model_validate({"kind": "source-build", "flags": (), **place})
    asset = Asset(name="llama.cpp-b11194.tar", size=1, sha256="a" * 64)
    whole = Commit(id="9" * 40)
    text = records.planned(
        pin=records.pin(source=source, commit=whole, platforms={"ubuntu-x64": asset}),
        bundle=records.bundle(commit=Commit(id="8" * 40)),
    ).body

    assert f"The source is the source code of {named}, built here." in text.replace("\u200b", "")


def test_how_the_pin_stands_is_told_where_it_is_known() -> None:
    standing = Standing(age_days=12, behind=80, troubles=("held: dies @octocat",))
    told = records.planned(candidate=records.candidate(standing=standing)).body
    silent = records.planned().body

    assert "The pinned build is 12 days old. Of the releases there, 80 are newer than it.\n" in told
    assert "**The pin is held: dies " in told
    assert "@octocat" not in told
    assert "days old" not in silent
    assert "**The pin is" not in silent


def test_releases_that_share_a_reason_are_counted() -> None:
    many = Decision(version="b9", oldest="b2", releases=8, chosen=False, reason="younger")
    told = records.planned(candidate=records.candidate(decisions=(many,))).body

    assert "- `b9 … b2 (8 releases)`: younger" in told


def test_a_picture_is_the_first_to_go_where_there_is_no_room() -> None:
    gate = "The verdict.\n\n```mermaid\nxychart-beta\n\n    bar [1]\n```\nA legend.\n\nThe rest."

    assert body.shortened(gate, room=len(gate)) == gate
    assert body.shortened(gate, room=len(gate) - 1) == "The verdict.\n\nThe rest."


def test_no_list_is_cut_for_a_picture() -> None:
    picture = f"```mermaid\n{'x' * body.LIMIT}\n```"
    refused = tuple(
        Refusal(version=f"0.2.{number}", reason="the gate says fail") for number in range(20)
    )
    candidate = records.candidate(refused=refused)

    text = records.planned(gate=f"before\n\n{picture}\n\nafter", candidate=candidate).body

    assert "before\n\nafter" in text
    assert "mermaid" not in text
    assert "`0.2.19`: the gate says fail" in text


def test_the_gates_own_pictures_are_known_as_such() -> None:
    gate = markdown.render(records.result())

    assert "```mermaid" in gate
    assert "mermaid" not in body.shortened(gate, room=len(gate.strip()) - 1)
    assert "| `generation` | 1.010 |" in body.shortened(gate, room=len(gate.strip()) - 1)


def test_words_of_others_stay_dead() -> None:
    text = planned(EVIL).body.removesuffix(MARK)

    for live in (r"@\w", r"#\d", r"GH-\d", "<!--", r"\{\{", r"\{%", r"\$\{"):
        assert not re.search(live, text), live
    assert sections(text) == SECTIONS


@settings(max_examples=40, deadline=None)
@given(words=st.text(max_size=60) | st.text(alphabet="`|<>#@-{}%\\\n[]!*_~ 1a\u202e", max_size=60))
def test_no_words_of_others_change_the_page_or_its_mark(words: str) -> None:
    text = planned(words).body

    assert sections(text) == SECTIONS
    assert body.proposed(text, pin="llama.cpp") == "0.1.3"
    assert text.count("<!--") == 1


@pytest.mark.parametrize("fill", ["x", "*", "\u202e"], ids=["plain", "escaped", "spelled out"])
def test_the_page_always_fits(fill: str) -> None:
    long = fill * 600
    many = [f"{long}{number}" for number in range(200)]
    text = records.planned(
        candidate=records.candidate(
            refused=tuple(
                Refusal(version=f"0.3.{n}", reason=long, evidence=tuple(many)) for n in range(50)
            ),
            decisions=tuple(
                Decision(version=f"0.4.{n}", chosen=False, reason=long) for n in range(99)
            ),
        ),
        bundle=records.bundle(
            architectures=tuple(many),
            system_libraries=tuple(many),
            findings=tuple(records.finding(message=long) for _ in many),
        ),
        result=records.result(
            verdict=Verdict.FAIL,
            checks=tuple(
                records.check(f"loads/c{n}", status=status, expected=long, observed=long)
                for n in range(100)
                for status in Status
            ),
            engines=Engines(
                candidate=records.engine("0.1.3", tree="e", flags=tuple(many)),
                baseline=records.engine("0.1.2", tree="f", flags=tuple(many[1:])),
            ),
        ),
        gate=f"{long}\n\n" * 100,
    ).body

    assert len(text) <= body.LIMIT < 65_536
    assert "and 48 more" in text or "and 42 more" in text
    assert "*Cut here:" in text
    assert sections(text) == SECTIONS


def test_the_mark_tells_our_text_from_that_of_others() -> None:
    ours = records.planned().body

    assert body.proposed(ours, pin="llama.cpp") == "0.1.3"
    assert body.proposed(ours, pin="another") is None
    assert body.proposed("Bump llama.cpp, by hand", pin="llama.cpp") is None


def test_a_text_that_fits_loses_nothing_but_empty_lines() -> None:
    assert body.shortened("a\n\n\n\nb\n", room=4) == "a\n\nb"


def test_what_is_open_at_the_cut_is_closed() -> None:
    text = "<details><summary>loads</summary>\n\nfirst\n\n" + "x" * 500 + "\n\n</details>"

    cut = body.shortened(text, room=200)

    assert cut.startswith("<details><summary>loads</summary>\n\nfirst\n\n</details>\n\n*Cut here:")


def test_a_block_is_kept_whole_or_left_out() -> None:
    block = "```text\nlog\n\nmore log\n```"
    text = f"before\n\n{block}\n\nafter\n\n" + "x" * 500

    assert body.shortened(text, room=200).startswith(f"before\n\n{block}\n\nafter\n\n*Cut here:")
    assert body.shortened(text, room=100).startswith("before\n\n*Cut here:")


pieces = st.sampled_from(
    ["<details><summary>x</summary>", "</details>", "````text\n```\n\nlog\n````", "words", "y" * 90]
)


@given(text=st.lists(pieces, max_size=40).map("\n\n".join), room=st.integers(80, 900))
def test_a_shortened_text_fits_and_leaves_nothing_open(text: str, room: int) -> None:
    cut = body.shortened(text, room=room)

    assert len(cut) <= room
    assert cut.count("````") % 2 == 0
    assert cut == text or cut.count("<details") <= cut.count("</details>")


def test_who_vouches_for_a_file_stands_under_its_digests() -> None:
    by = "https://github.com/o/r/.github/workflows/release.yml@refs/heads/master"
    signed = Attestation(state="verified", identity=by, commit=Commit(id="9" * 40))
    unknown = Attestation(state="not-checked", why="the library sigstore is not installed")

    text = records.planned(bundle=records.bundle(provenance=attested(signed, unknown))).body

    provenance = text.partition("## Provenance")[2].partition("## What changed")[0]
    last = [line for line in provenance.replace("\u200b", "").splitlines() if line][-2:]
    assert last == [
        f"- attestation for macos-arm64: verified, signed by `{by}` for the commit `{'9' * 40}`",
        "- attestation for ubuntu-x64: **not checked**, the library sigstore is not installed",
    ]
    assert "attestation for" not in records.planned().body
