from __future__ import annotations

import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine_ci.engine import model_file

ZOO = Path(__file__).parents[3] / "fixtures" / "zoo"
HEAD = struct.pack("<4sIQQ", b"GGUF", 3, 0, 1)


def name(text: bytes) -> bytes:
    return struct.pack("<Q", len(text)) + text


def values(*entries: bytes) -> bytes:
    return struct.pack("<4sIQQ", b"GGUF", 3, 0, len(entries)) + b"".join(entries)


LENGTH = name(b"llama.context_length") + struct.pack("<II", 4, 2048)


def test_a_model_has_no_flaw_and_says_what_it_was_trained_for() -> None:
    model = ZOO / "stable.gguf"

    assert model_file.flaw(model) is None
    assert model_file.context_length(model) == 2048


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        pytest.param(b"", "expected a GGUF file, found one that begins with b''", id="empty"),
        pytest.param(b"<html>", "found one that begins with b'<htm'", id="a-page"),
        pytest.param(b"GGUF", "expected a GGUF file, found only 4 bytes of one", id="cut"),
    ],
)
def test_what_is_no_model_is_told_by_its_first_bytes(
    tmp_path: Path, content: bytes, reason: str
) -> None:
    model = tmp_path / "model.gguf"
    model.write_bytes(content)

    assert str(model_file.flaw(model)).endswith(reason)


def test_what_cannot_be_read_has_a_flaw_and_no_length(tmp_path: Path) -> None:
    missing = tmp_path / "model.gguf"

    assert model_file.flaw(missing) == f"{missing}: not readable: No such file or directory"
    assert model_file.context_length(missing) is None


@pytest.mark.parametrize(
    "before",
    [
        pytest.param((), id="at-once"),
        pytest.param((name(b"general.name") + struct.pack("<I", 8) + name(b"m"),), id="a-text"),
        pytest.param((name(b"a") + struct.pack("<Iq", 11, -1),), id="a-number"),
        pytest.param((name(b"a") + struct.pack("<IIQ2h", 9, 3, 2, 1, 2),), id="numbers"),
        pytest.param((name(b"a") + struct.pack("<IIQ", 9, 8, 2) + name(b"b") * 2,), id="texts"),
        pytest.param((name(b"a.context_length") + struct.pack("<If", 6, 1.0),), id="no-count"),
    ],
)
def test_the_length_is_found_behind_other_values(tmp_path: Path, before: tuple[bytes, ...]) -> None:
    model = tmp_path / "model.gguf"
    model.write_bytes(values(*before, LENGTH))

    assert model_file.context_length(model) == 2048


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(values(), id="nothing"),
        pytest.param(values(LENGTH)[:-1], id="cut"),
        pytest.param(values(struct.pack("<Q", 1 << 62)), id="endless-name"),
        pytest.param(values(name(b"a") + struct.pack("<I", 99)), id="unknown-kind"),
        pytest.param(values(name(b"a") + struct.pack("<IIQ", 9, 9, 1)), id="array-of-arrays"),
        pytest.param(values(name(b"a") + struct.pack("<IIQ", 9, 8, 1 << 62)), id="endless-array"),
    ],
)
def test_a_file_that_does_not_say_has_no_length(tmp_path: Path, content: bytes) -> None:
    model = tmp_path / "model.gguf"
    model.write_bytes(content)

    assert model_file.context_length(model) is None


@given(st.binary(max_size=200))
def test_no_bytes_are_more_than_it_can_take(
    tmp_path_factory: pytest.TempPathFactory, rest: bytes
) -> None:
    model = tmp_path_factory.getbasetemp() / "any.gguf"
    model.write_bytes(HEAD + rest)

    found = model_file.context_length(model)

    assert found is None or found >= 0
