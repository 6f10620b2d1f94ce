from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine_ci.artifact.macho import commands, edit, layout, read
from engine_ci.artifact.macho.commands import LC
from engine_ci.artifact.macho.edit import Changes
from engine_ci.errors import MachOError
from tests.unit.artifact import machos, signable
from tests.unit.artifact.signable import BASE, ID, ROOM, SYSTEM

RUN_PATHS = ("@loader_path", "@executable_path/../Frameworks")
RAW = signable.image(*(machos.rpath(path) for path in RUN_PATHS))
NAMES = st.text(st.characters(categories=["L", "N", "P"]), min_size=1, max_size=50)


def packed(changes: Changes, raw: bytes = RAW) -> bytes:
    image = signable.only(raw)
    head = edit.packed(image, edit.edited(image, changes))
    return head + raw[len(head) :]


def facts(raw: bytes) -> tuple[str | None, list[str], tuple[str, ...]]:
    (image,) = read.images(raw)
    return image.id, [each.name for each in image.dependencies], image.run_paths


def test_no_change_changes_no_byte() -> None:
    assert packed(edit.NONE) == RAW


def test_a_library_gets_another_name() -> None:
    raw = packed(Changes(install_name="@rpath/libggml.dylib"))

    assert facts(raw) == ("@rpath/libggml.dylib", [BASE, SYSTEM], RUN_PATHS)


def test_a_library_that_is_needed_is_asked_for_by_another_name() -> None:
    raw = packed(Changes(dependencies={BASE: "@rpath/libggml-base.dylib"}))

    assert facts(raw) == (ID, ["@rpath/libggml-base.dylib", SYSTEM], RUN_PATHS)


@pytest.mark.parametrize("cmd", sorted(edit.DEPENDENCIES))
def test_every_way_to_need_a_library_can_be_changed_and_stays_that_way(cmd: LC) -> None:
    raw = signable.image(machos.dylib("/a", cmd))

    (image,) = layout.slices(packed(Changes(dependencies={"/a": "/b"}), raw))

    (command,) = [each for each in image.all(cmd) if image.text(each, 24) == "/b"]
    record = commands.DYLIB.read(image.body(command), 0, what="")
    assert record == (cmd, 32, 24, 2, 0x10000, 0x10000)


def test_what_stands_between_a_command_and_its_name_stays() -> None:
    use = struct.pack("<6I", 28, 0x1A741800, 0, 0x10000, 1, 0)[:20] + b"/a\0"
    raw = signable.image(machos.command(LC.LOAD_DYLIB, use))
    assert facts(raw)[1][-1] == "/a"

    edited = packed(Changes(dependencies={"/a": "/b" * 20}), raw)

    assert facts(edited)[1][-1] == "/b" * 20
    assert struct.pack("<5I", 28, 0x1A741800, 0, 0x10000, 1) + b"/b" in edited


@pytest.mark.parametrize(
    "paths",
    [(), ("@loader_path/../lib",), RUN_PATHS[::-1], (*RUN_PATHS, "@loader_path/../lib", "/x")],
)
def test_run_paths_are_replaced_added_and_deleted(paths: tuple[str, ...]) -> None:
    raw = packed(Changes(run_paths=paths))

    assert facts(raw) == (ID, [BASE, SYSTEM], paths)
    assert raw[signable.TEXT_AT :] == RAW[signable.TEXT_AT :]


def test_what_the_commands_no_longer_need_becomes_zeroes() -> None:
    raw = packed(Changes(run_paths=()))

    end = layout.HEADER.size + signable.only(raw).header.commands_size
    assert end < signable.only(RAW).header.commands_size
    assert not any(raw[end : signable.TEXT_AT])


def test_the_last_byte_of_the_room_may_be_used_and_no_more() -> None:
    used = signable.only(RAW).header.commands_size
    fits = "/" * (ROOM - used - commands.RPATH.size - 1)
    fits = fits[: len(fits) - (ROOM - used) % 8]

    raw = packed(Changes(run_paths=(*RUN_PATHS, fits)))

    assert facts(raw)[2] == (*RUN_PATHS, fits)
    with pytest.raises(MachOError) as caught:
        packed(Changes(run_paths=(*RUN_PATHS, fits + "/" * 8)))
    needed = used + commands.RPATH.size + len(fits) + 9
    assert caught.value.message == (
        f"load commands need {needed} bytes, the header has room for {ROOM}"
    )
    assert caught.value.hint == "link it with -headerpad_max_install_names"


def test_an_empty_section_ends_the_room_too() -> None:
    raw = signable.image(
        machos.segment("__OTHER", machos.section("__empty", offset=0x400, size=0)), text_at=0x600
    )
    with pytest.raises(MachOError, match=f"has room for {0x400 - layout.HEADER.size}$"):
        packed(Changes(run_paths=("/" * 4096,)), raw)


def test_without_sections_all_before_the_next_segment_is_room() -> None:
    raw = machos.image(
        machos.segment("__TEXT", size=0x10),
        machos.segment("__LINKEDIT", offset=machos.LINKEDIT_AT, size=8),
        linkedit=bytes(8),
    )
    with pytest.raises(MachOError, match=f"has room for {machos.LINKEDIT_AT - 32}$"):
        packed(Changes(run_paths=("/" * 4096,)), raw)


def test_without_segments_the_whole_image_is_room() -> None:
    with pytest.raises(MachOError, match=f"has room for {machos.LINKEDIT_AT - 32}$"):
        packed(Changes(run_paths=("/" * 4096,)), machos.image())


def test_bytes_that_are_in_use_are_not_overwritten() -> None:
    end = layout.HEADER.size + signable.only(RAW).header.commands_size
    raw = RAW[: end + 4] + b"x" + RAW[end + 5 :]

    assert packed(Changes(run_paths=()), raw)[end + 4 :] == raw[end + 4 :]
    with pytest.raises(
        MachOError, match=f"expected zeroes behind the load commands, at byte {end}"
    ):
        packed(Changes(run_paths=(*RUN_PATHS, "/x")), raw)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        (
            Changes(dependencies={"/no": "/b"}),
            "to need '/no', found /build/libggml-base.dylib, /usr",
        ),
        (
            Changes(run_paths=("/a", "/b", "/a")),
            "each run path once, as dyld does, found /a, /b, /a",
        ),
        (Changes(install_name=""), "a name that can be written, found ''"),
        (Changes(dependencies={BASE: "a\0b"}), r"found 'a\\x00b'"),
        (Changes(run_paths=("a\n",)), r"found 'a\\n'"),
    ],
)
def test_changes_that_cannot_be_made_are_refused(changes: Changes, reason: str) -> None:
    with pytest.raises(MachOError, match=reason):
        packed(changes)


def test_a_program_has_no_name_to_change() -> None:
    raw = signable.image(filetype=layout.FileType.EXECUTE)

    with pytest.raises(MachOError, match="expected a library with a name to change"):
        packed(Changes(install_name="/a"), raw)


def test_a_name_that_stands_in_other_fields_is_refused() -> None:
    raw = signable.image(machos.dylib("/a", start=16))
    (name,) = set(facts(raw)[1]) - {BASE, SYSTEM}

    with pytest.raises(MachOError, match="the name behind byte 24, found it at 16"):
        packed(Changes(dependencies={name: "/b"}), raw)


@given(NAMES, NAMES, st.lists(NAMES, max_size=4, unique=True))
def test_an_edit_that_fits_changes_what_it_names_and_nothing_else(
    install_name: str, dependency: str, run_paths: list[str]
) -> None:
    raw = packed(
        Changes(install_name=install_name, dependencies={BASE: dependency}, run_paths=run_paths)
    )

    assert facts(raw) == (install_name, [dependency, SYSTEM], tuple(run_paths))
    assert raw[signable.TEXT_AT :] == RAW[signable.TEXT_AT :]
