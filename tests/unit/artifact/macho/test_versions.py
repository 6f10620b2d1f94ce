"""Systems that an image is for."""

from __future__ import annotations

import struct

import pytest

from engine_ci.artifact.macho import layout, versions
from engine_ci.artifact.macho.commands import LC
from engine_ci.artifact.macho.versions import Build, Version
from engine_ci.errors import MachOError
from tests.unit.artifact import machos


def built(*parts: bytes) -> tuple[Build, ...]:
    (found,) = layout.slices(machos.image(*parts))
    return versions.builds(found)


def new(platform: int, minimum_os: int = 0x000D0400, sdk: int = 0x001A0500) -> bytes:
    return machos.command(LC.BUILD_VERSION, struct.pack("<4I", platform, minimum_os, sdk, 0))


def old(cmd: LC) -> bytes:
    return machos.command(cmd, struct.pack("<2I", 0x000A0F02, 0x000B0000))


def test_a_version_compares_and_reads_as_one() -> None:
    assert Version.unpacked(0x000D0400) == Version(13, 4)
    assert Version(10, 15, 7) < Version(11, 0) < Version(13, 4)
    assert [str(Version(13, 4)), str(Version(10, 15, 7))] == ["13.4", "10.15.7"]


def test_an_image_may_not_say() -> None:
    assert built() == ()


@pytest.mark.parametrize(
    ("number", "platform"), [(1, "macos"), (6, "mac-catalyst"), (99, "platform 99")]
)
def test_a_platform_has_a_name_or_its_number(number: int, platform: str) -> None:
    assert built(new(number)) == (Build(platform, Version(13, 4), Version(26, 5)),)


@pytest.mark.parametrize(
    ("cmd", "platform"),
    [
        (LC.VERSION_MIN_MACOSX, "macos"),
        (LC.VERSION_MIN_IPHONEOS, "ios"),
        (LC.VERSION_MIN_TVOS, "tvos"),
        (LC.VERSION_MIN_WATCHOS, "watchos"),
    ],
)
def test_the_older_command_tells_the_platform_itself(cmd: LC, platform: str) -> None:
    assert built(old(cmd)) == (Build(platform, Version(10, 15, 2), Version(11, 0)),)


def test_one_image_may_be_for_two_systems() -> None:
    assert [build.platform for build in built(new(1), new(6))] == ["macos", "mac-catalyst"]


@pytest.mark.parametrize(
    ("parts", "reason"),
    [
        ([new(1), new(1)], "found two"),
        ([new(1), old(LC.VERSION_MIN_MACOSX)], "found two"),
        ([machos.command(LC.BUILD_VERSION)], "BUILD_VERSION command: expected 24 bytes"),
        ([machos.command(LC.VERSION_MIN_TVOS)], "VERSION_MIN_TVOS command: expected 16 bytes"),
    ],
)
def test_an_unclear_statement_is_refused(parts: list[bytes], reason: str) -> None:
    with pytest.raises(MachOError, match=reason):
        built(*parts)
