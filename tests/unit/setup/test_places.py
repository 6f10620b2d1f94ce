from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine_ci.errors import UsageError
from engine_ci.pins.model import Asset, Commit, GitHubReleases, Pin
from engine_ci.pins.targets import moved
from engine_ci.setup import places

OLD_COMMIT, NEW_COMMIT = "86a283532072722c5f3363d37d59a874d09fa99b", "9a3bf2b" + "0" * 33


def pin(build: int, *, commit: str, digit: str) -> Pin:
    return Pin(
        schema=1,
        name="llama.cpp",
        adapter="llama-server",
        source=GitHubReleases(kind="github-releases", repository="ggml-org/llama.cpp"),
        version=f"b{build}",
        build=build,
        commit=Commit(id=commit),
        platforms={
            "macos-arm64": Asset(
                name=f"llama-b{build}-bin-macos-arm64.tar.gz", size=7, sha256=digit * 64
            ),
            "ubuntu-x64": Asset(
                name=f"llama-b{build}-bin-ubuntu-x64.tar.gz", size=8, sha256=digit * 63 + "f"
            ),
        },
    )


OLD, NEW = pin(9781, commit=OLD_COMMIT, digit="1"), pin(10549, commit=NEW_COMMIT, digit="2")


def bumped(text: str, *, path: str = "scripts/llama.ts") -> str:
    """The file after a proposal, by the targets that were found in it."""
    for target in places.targets({path: text}, pin=OLD).targets:
        text = moved(text, target, old=OLD, new=NEW)
    return text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('const TAG = "b9781";', 'const TAG = "b10549";'),
        (
            "https://x/releases/download/b9781/llama-b9781-bin-macos-arm64.tar.gz",
            "https://x/releases/download/b10549/llama-b10549-bin-macos-arm64.tar.gz",
        ),
        (f"TAG=b9781 COMMIT={OLD_COMMIT}", f"TAG=b10549 COMMIT={NEW_COMMIT}"),
        ('{ tag: "b9781", also: "b9781" }', '{ tag: "b10549", also: "b10549" }'),
        ("LLAMA = (b9781) [a*] $x^ {1|2} \\d+?", "LLAMA = (b10549) [a*] $x^ {1|2} \\d+?"),
    ],
)
def test_a_proposal_moves_every_value_on_a_line(text: str, expected: str) -> None:
    assert bumped(text) == expected


def test_equal_lines_are_told_apart_by_those_before_them() -> None:
    text = "\n".join(
        (
            "assets:",
            f'  a: {{\n    sha256: "{"1" * 64}",\n  }}',
            f'  b: {{\n    sha256: "{"1" * 63}f",\n  }}',
        )
    )

    assert bumped(text) == text.replace("1" * 63, "2" * 63).replace("21", "22")


def test_what_no_pattern_finds_once_is_said_with_its_line() -> None:
    block = 'same\nsame\nsame\ntag: "b9781"'

    found = places.targets({"llama.yml": f"{block}\n{block}"}, pin=OLD)

    assert found.targets == ()
    assert found.left_out == ("llama.yml:4", "llama.yml:8")


def test_words_that_only_look_like_a_value_stay() -> None:
    text = f"ab9781 b97811 b9781x 0b9781 0{'1' * 64} {OLD_COMMIT}0"

    assert places.targets({"llama.ts": text}, pin=OLD).targets == ()


@given(
    lines=st.lists(
        st.text(alphabet="ab =\"'{}()[].*+?^$|\\/:,", max_size=12)
        | st.sampled_from(("b9781", "1" * 64, OLD_COMMIT, "llama-b9781-bin-ubuntu-x64.tar.gz")),
        max_size=8,
    )
)
def test_a_pattern_that_is_kept_moves_its_value_and_nothing_else(lines: list[str]) -> None:
    text = "\n".join(lines)
    found = places.targets({"llama.sh": text}, pin=OLD)

    for target in found.targets:
        once = moved(text, target, old=OLD, new=NEW)
        (match,) = re.finditer(target.pattern, text, re.MULTILINE)
        (group,) = match.groupdict()
        start, stop = match.span(group)
        assert once[:start] == text[:start]
        assert once.endswith(text[stop:])
    if not found.left_out:
        assert "b9781" not in bumped(text, path="llama.sh")


def test_the_build_is_found_where_one_is_named() -> None:
    files = {"llama.ts": 'TAG = "b9781"', "b.sh": "x b9781 llama", "other.ts": "nothing"}

    assert places.build(places.relevant(files)) == 9781


@pytest.mark.parametrize(
    "path", ["README.md", "pins/llama.cpp.yaml", "bun.lock", "package-lock.json", "engine-ci.yaml"]
)
def test_documents_lock_files_and_our_own_are_no_places(path: str) -> None:
    assert places.relevant({path: "llama b9781"}) == {}


def test_a_file_that_does_not_speak_of_llama_is_no_place() -> None:
    assert places.relevant({"src/paper.ts": "size b1000"}) == {}


def test_an_app_that_names_no_build_is_asked_for_it() -> None:
    with pytest.raises(UsageError, match="no file of this app names a build") as raised:
        places.build({"llama.ts": "nothing"})

    assert raised.value.hint == (
        "name the build that the app uses now: `engine-ci init --build b11194`"
    )


def test_an_app_that_names_several_builds_is_shown_them() -> None:
    with pytest.raises(UsageError, match=r"name 2 builds: b9781 \(llama.ts\), b10549 \(llama.sh\)"):
        places.build({"llama.ts": "b9781", "llama.sh": "b10549"})
