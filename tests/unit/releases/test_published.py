from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine_ci.errors import PinError
from engine_ci.records.candidate import PublishedAsset
from engine_ci.releases import published
from tests.unit.releases.upstream import asset, content, pin, release, sha256

MAC, LINUX = "llama-b11195-bin-macos-arm64.tar.gz", "llama-b11195-bin-ubuntu-x64.tar.gz"


def test_of_all_files_exactly_those_of_the_platforms_are_found() -> None:
    found = published.wanted(release("b11195"), pin())

    assert {platform: each.name for platform, each in found.items()} == {
        "macos-arm64": MAC,
        "ubuntu-x64": LINUX,
    }
    assert published.flaws(release("b11195"), pin()) == ()


@pytest.mark.parametrize("kind", [".tar.gz", ".tar.xz", ".zip"])
def test_a_file_may_be_another_kind_of_archive(kind: str) -> None:
    name = LINUX.replace(".tar.gz", kind)

    assert published.wanted(release("b11195", asset(name)), pin())["ubuntu-x64"].name == name


def test_of_two_kinds_the_pinned_one_is_taken() -> None:
    both = [asset(LINUX.replace(".tar.gz", kind)) for kind in (".zip", ".tar.xz", ".tar.gz")]
    zipped = pin(11194, "windows-x64")
    windows = [asset(f"llama-b11195-bin-win-cpu-x64{kind}") for kind in (".tar.gz", ".zip")]

    assert published.wanted(release("b11195", *both), pin())["ubuntu-x64"].name == LINUX
    found = published.wanted(release("b11195", *windows), zipped)["windows-x64"]
    assert found.name == "llama-b11195-bin-win-cpu-x64.zip"


@pytest.mark.parametrize(
    "name",
    [
        "llama-b11194-bin-ubuntu-x64.tar.gz",
        "llama-b111950-bin-ubuntu-x64.tar.gz",
        "llama-b11195-bin-ubuntu-x64.tar.gz.sig",
        "llama-b11195-bin-ubuntu-x64.tgz",
        "LLAMA-b11195-bin-ubuntu-x64.tar.gz",
        "old-llama-b11195-bin-ubuntu-x64.tar.gz",
        "llama-b11195-bin-ubuntu-vulkan-x64.tar.gz",
    ],
)
def test_a_name_that_is_nearly_the_expected_one_is_not_it(name: str) -> None:
    found = release("b11195", asset(MAC), asset(name))

    assert list(published.wanted(found, pin())) == ["macos-arm64"]
    assert published.flaws(found, pin()) == (f"{LINUX} is not there",)


@given(build=st.integers(1, 10**8))
def test_the_name_of_any_build_is_the_pinned_one_with_its_number(build: int) -> None:
    likeliest = published.names(pin(), tag=f"b{build}")["ubuntu-x64"][0]

    assert likeliest == f"llama-b{build}-bin-ubuntu-x64.tar.gz"


@pytest.mark.parametrize(
    "name",
    [
        "llama-bin-ubuntu-x64.tar.gz",
        "llama-b11194-b11194-ubuntu-x64.tar.gz",
        "llama-b111940-bin-ubuntu-x64.tar.gz",
        "llama-xb11194-bin-ubuntu-x64.tar.gz",
        "llama-b11194-bin-ubuntu-x64.7z",
    ],
)
def test_a_pinned_name_that_tells_nothing_of_others_is_refused(name: str) -> None:
    whole = pin()
    odd = whole.platforms["ubuntu-x64"].model_copy(update={"name": name})

    with pytest.raises(PinError, match="cannot be told") as caught:
        published.names(whole.model_copy(update={"platforms": {"ubuntu-x64": odd}}), tag="b11195")

    assert caught.value.exit_code == 2


def test_a_whole_file_is_pinned_with_size_and_sha256() -> None:
    assert published.whole(asset(LINUX)) == PublishedAsset(
        name=LINUX, size=len(content(LINUX)), sha256=sha256(LINUX)
    )


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"state": "starter"}, "is not whole yet: its state is 'starter'"),
        ({"digest": None}, "has no sha256 that GitHub tells, but ''"),
        ({"digest": "md5:00"}, "has no sha256 that GitHub tells, but 'md5:00'"),
        ({"digest": f"sha256:{'A' * 64}"}, "has no sha256 that GitHub tells, but 'sha256:AAA"),
        ({"digest": f"sha256:{'0' * 65}"}, "has no sha256 that GitHub tells, but 'sha256:000"),
        ({"size": 0}, "is empty"),
    ],
)
def test_a_file_that_cannot_be_pinned_is_a_flaw(changes: dict[str, object], said: str) -> None:
    (flaw,) = published.flaws(release("b11195", asset(MAC), asset(LINUX, **changes)), pin())

    assert flaw.startswith(f"{LINUX} {said}")


def test_a_draft_is_a_flaw_however_whole() -> None:
    unpublished = release("b11195").model_copy(update={"published_at": None})

    assert published.flaws(release("b11195", draft=True), pin()) == ("it is a draft",)
    assert published.flaws(unpublished, pin()) == ("it is a draft",)


def test_a_file_that_was_there_before_is_gone() -> None:
    gone = LINUX.replace(".tar.gz", ".zip")

    assert published.flaws(release("b11195", asset(MAC)), pin(), before={gone}) == (
        f"{gone} was there before and is gone",
    )


def test_the_pinned_files_are_what_the_pin_says() -> None:
    assert published.differences(release("b11194"), pin()) == []


@pytest.mark.parametrize(
    ("changes", "differs"),
    [
        ({}, False),
        ({"digest": None}, False),
        ({"size": 7}, True),
        ({"size": 7, "digest": None}, True),
        ({"digest": f"sha256:{'0' * 64}"}, True),
    ],
)
def test_a_pinned_file_that_is_another_now_is_told(
    changes: dict[str, object], *, differs: bool
) -> None:
    name = "llama-b11194-bin-ubuntu-x64.tar.gz"

    found = published.differences(release("b11194", asset(name, **changes)), pin())

    assert bool(found) == differs
    assert all(f"{name}: the pin says 34 bytes of sha256 {sha256(name)}" in text for text in found)
