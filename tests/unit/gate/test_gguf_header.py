from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from gguf import GGUFReader, GGUFWriter
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine_ci.gate import gguf_header, zoo
from engine_ci.gate.gguf_header import UnreadableError
from tests.unit.gate import tiny

if TYPE_CHECKING:
    from collections.abc import Container
    from pathlib import Path

ZOO = sorted((zoo.data_root() / "fixtures" / "zoo").glob("*.gguf"))


class All:
    """Every key."""

    def __contains__(self, key: object) -> bool:
        return True


ALL: Container[str] = All()


def by_gguf(path: Path) -> dict[str, Any]:
    """The facts as the library for the format reads them; it counts some of its own among them."""
    fields = GGUFReader(path).fields
    return {key: field.contents() for key, field in fields.items() if not key.startswith("GGUF.")}


@pytest.mark.parametrize("path", ZOO, ids=lambda path: path.stem)
def test_facts_are_what_the_library_for_the_format_reads(path: Path) -> None:
    assert gguf_header.facts(path, ALL) == by_gguf(path)


def test_a_fact_of_every_kind_is_read(tmp_path: Path) -> None:
    writer = GGUFWriter(tmp_path / "model.gguf", "tiny")
    writer.add_uint8("u8", 255)
    writer.add_int8("i8", -128)
    writer.add_uint16("u16", 65535)
    writer.add_int16("i16", -32768)
    writer.add_uint32("u32", 2**32 - 1)
    writer.add_int32("i32", -(2**31))
    writer.add_uint64("u64", 2**64 - 1)
    writer.add_int64("i64", -(2**63))
    writer.add_float32("f32", 0.5)
    writer.add_float64("f64", 1e300)
    writer.add_bool("bool", True)
    writer.add_string("text", "\u00e9")
    writer.add_array("numbers", [1, -2])
    writer.add_array("texts", ["a", ""])
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.close()

    found = gguf_header.facts(tmp_path / "model.gguf", ALL)

    assert found.pop("general.architecture") == "tiny"
    assert list(found.values()) == [
        *(255, -128, 65535, -32768, 2**32 - 1, -(2**31), 2**64 - 1, -(2**63)),
        *(0.5, 1e300, True, "\u00e9", [1, -2], ["a", ""]),
    ]


def test_only_what_is_wanted_and_there_is_told(tmp_path: Path) -> None:
    path = tiny.write(tmp_path / "tiny.gguf")

    assert gguf_header.facts(path, {"general.name", "general.author"}) == {"general.name": "tiny"}


@pytest.mark.parametrize("size", [0, 10, 1000])
def test_half_a_header_is_refused_by_name(tmp_path: Path, size: int) -> None:
    whole = tiny.write(tmp_path / "tiny.gguf").read_bytes()
    path = tmp_path / "half.gguf"
    path.write_bytes(whole[:size])

    with pytest.raises(UnreadableError, match=r"half\.gguf"):
        gguf_header.facts(path, ALL)


def test_an_array_of_arrays_is_refused(tmp_path: Path) -> None:
    writer = GGUFWriter(tmp_path / "nested.gguf", "tiny")
    writer.add_array("nested", [[1], [2]])
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.close()

    with pytest.raises(UnreadableError):
        gguf_header.facts(tmp_path / "nested.gguf", ALL)


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.integers(0, 6000), byte=st.integers(0, 255), size=st.integers(0, 6000))
def test_a_damaged_header_is_read_or_refused(
    tmp_path: Path, place: int, byte: int, size: int
) -> None:
    damaged = bytearray(tiny.write(tmp_path / "tiny.gguf").read_bytes())
    damaged[place] = byte
    path = tmp_path / "damaged.gguf"
    path.write_bytes(damaged[:size] if byte % 2 else damaged)

    try:
        found = gguf_header.facts(path, ALL)
    except UnreadableError:
        return
    assert isinstance(found, dict)
