from __future__ import annotations

import string
import unicodedata
from pathlib import PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine_ci.artifact import names


@pytest.mark.parametrize(
    "name",
    [
        "../x", "a/../x", "a/..", "..", ".", "a/./b", "/etc/passwd", "//host/x", "a//b", "",
        "C:\\x", "c:x", "a\\..\\b", "a\x00b", "a\nb", "a\x1b[2J", "a\u202eb",
        "x" * 256, "/".join(["folder"] * 200),
    ],
)  # fmt: skip
def test_a_name_that_could_leave_the_folder_or_deceive_is_refused(name: str) -> None:
    assert names.fault(name) is not None


@pytest.mark.parametrize("name", ["a", "a/b.so.0", "a/", "bin/llama-server", "..a/b..", "été/x"])
def test_a_plain_relative_name_is_fine(name: str) -> None:
    assert names.fault(name) is None


@given(st.text(alphabet=[*string.ascii_lowercase, ".", "/", "\\", ":", "\0"], max_size=20))
def test_a_name_without_fault_stays_inside_the_folder(name: str) -> None:
    fault = names.fault(name)

    if fault is None:
        parts = PurePosixPath(name).parts
        assert parts
        assert ".." not in parts
        assert not PurePosixPath(name).is_absolute()
        assert "/".join(parts) == name.removesuffix("/")


@pytest.mark.parametrize(
    ("paths", "hidden"),
    [
        (["a", "b", "a"], ["a"]),
        (["bin/Server", "bin/server"], ["bin/server"]),
        (["STRASSE", "straße"], ["straße"]),
        (["e\u0301", "\u00e9"], ["\u00e9"]),
        (["lib", "lib/x"], ["lib/x"]),
        (["lib/x", "LIB"], ["LIB"]),
        (["bin/a", "Bin/b"], ["Bin/b"]),
        (["a/bin/a", "A/bin/a"], ["A/bin/a"]),
        (["lib/x", "lib/y", "library"], []),
    ],
)
def test_names_that_one_file_system_would_merge_hide_each_other(
    paths: list[str], hidden: list[str]
) -> None:
    taken = names.Taken()

    assert [path for path in paths if taken.hides(path)] == hidden


@given(st.lists(st.text(alphabet="aAß\u00e9e\u0301/", min_size=1, max_size=6), max_size=6))
def test_what_is_not_hidden_has_a_place_of_its_own(paths: list[str]) -> None:
    taken = names.Taken()
    plain = [path for path in paths if names.fault(path) is None and not path.endswith("/")]

    kept = [path for path in plain if not taken.hides(path)]

    folded = [unicodedata.normalize("NFC", path).casefold() for path in kept]
    assert len(set(folded)) == len(folded)
    assert not any(one.startswith(f"{other}/") for one in folded for other in folded)
