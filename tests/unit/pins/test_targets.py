from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from engine_ci.errors import ConfigError
from engine_ci.pins import targets
from engine_ci.pins.model import Asset, Commit, Pin
from engine_ci.pins.targets import Target


def pin(build: int, *, commit: str = "9f70b2cecd1a9a3f73ac525c47ca22a6ee9a7b69") -> Pin:
    name = f"llama-b{build}-bin-macos-arm64.tar.gz"
    return Pin.model_validate(
        {
            "schema": 1,
            "name": "llama.cpp",
            "adapter": "llama-server",
            "source": {"kind": "github-releases", "repository": "ggml-org/llama.cpp"},
            "version": f"b{build}",
            "build": build,
            "commit": Commit(id=commit, abbreviated=len(commit) < 40),
            "platforms": {"macos-arm64": Asset(name=name, size=build, sha256=f"{build:064x}")},
        }
    )


OLD, NEW = pin(11194), pin(11434, commit="ab" * 20)


def moved(text: str, pattern: str, *, new: Pin = NEW) -> str:
    return targets.moved(text, Target(file="ensure.ts", pattern=pattern), old=OLD, new=new)


@pytest.mark.parametrize(
    ("text", "pattern", "expected"),
    [
        ('TAG = "b11194"', r'"(?P<build>b\d+)"', 'TAG = "b11434"'),
        ("build: 11194\n", r"build: (?P<build>\d+)$", "build: 11434\n"),
        ("at 9f70b2cec", r"at (?P<commit>\w+)", "at ababababa"),
        ("11194 bytes", r"(?P<size_macos_arm64>\d+) bytes", "11434 bytes"),
        ("v=b11194;", r"v=(?P<version>\w+);", "v=b11434;"),
        (
            f"llama-b11194-bin-macos-arm64.tar.gz {11194:064x}",
            r"(?P<asset_macos_arm64>\S+gz) (?P<sha256_macos_arm64>\w+)",
            f"llama-b11434-bin-macos-arm64.tar.gz {11434:064x}",
        ),
    ],
)
def test_values_move_in_the_form_they_were_written_in(
    text: str, pattern: str, expected: str
) -> None:
    assert moved(text, pattern) == expected


def test_all_else_stays_as_it_is() -> None:
    text = "\r\n# b11194\r\nTAG=b11194\r\nother=b11194"

    found = moved(text, r"^TAG=(?P<build>b\d+)")

    assert found == text.replace("TAG=b11194", "TAG=b11434")


@pytest.mark.parametrize(("text", "count"), [("nothing", 0), ("b11194 b11194", 2)])
def test_a_pattern_must_match_once(text: str, count: int) -> None:
    with pytest.raises(ConfigError, match=rf"^ensure\.ts: .* expected one match, found {count}$"):
        moved(text, r"(?P<build>b\d+)")


def test_a_file_that_says_something_else_is_left_to_a_person() -> None:
    with pytest.raises(ConfigError, match="`build` is 'b10000', and the pin says 'b11194'") as told:
        moved("b10000", r"(?P<build>b\d+)")

    assert told.value.hint == "somebody changed one of them: make them agree first"


@pytest.mark.parametrize(
    ("text", "pattern"),
    [
        ("9f70b2cecd1a9a3f73ac525c47ca22a6ee9a7b69", r"\A(?P<commit>.*)"),
        ("", r"\A(?P<commit>.*)"),
        ("9", r"\A(?P<size_ubuntu_x64>.*)"),
    ],
    ids=["more digits than the new pin knows", "no commit at all", "a platform without a file"],
)
def test_a_value_that_a_pin_does_not_have_is_not_made_up(text: str, pattern: str) -> None:
    with pytest.raises(ConfigError, match="the pin has no value for"):
        moved(text, pattern, new=pin(11434, commit="abababab"))


def test_a_pin_without_a_build_moves_none() -> None:
    nameless = OLD.model_copy(update={"build": None})

    with pytest.raises(ConfigError, match="the pin has no value for `build`"):
        moved("b11194", r"(?P<build>b\d+)", new=nameless)


@pytest.mark.parametrize(
    ("pattern", "why"),
    [
        (r"(?P<version>(?P<build>b\d+))", "lies in another one"),
        (r"b11194|(?P<build>b\d+)", "is not part of the match"),
    ],
)
def test_groups_that_say_no_one_place_are_refused(pattern: str, why: str) -> None:
    with pytest.raises(ConfigError, match=why):
        moved("b11194", pattern)


@pytest.mark.parametrize(
    ("pattern", "why"),
    [
        ("(", "no regular expression"),
        ("b11194", "found none"),
        ("(?P<tag>.*)", "found tag"),
        ("(?P<sha256_amiga>.*)", "found sha256_amiga"),
    ],
)
def test_a_pattern_that_names_nothing_known_is_no_target(pattern: str, why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        Target(file="ensure.ts", pattern=pattern)


@given(before=st.text(), after=st.text())
def test_there_and_back_is_the_same_text(before: str, after: str) -> None:
    pattern = rf"\A(?s:.{{{len(before)}}})(?P<build>b11\d{{3}})"
    target = Target(file="ensure.ts", pattern=pattern)
    text = f"{before}b11194{after}"

    there = targets.moved(text, target, old=OLD, new=NEW)

    assert targets.moved(there, target, old=NEW, new=OLD) == text
    assert there == f"{before}b11434{after}"
