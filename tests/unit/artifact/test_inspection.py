"""An engine judged where it lies."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import pytest

from engine_ci.artifact import bundle
from engine_ci.artifact.expected import NOTHING_EXPECTED, Expected
from engine_ci.artifact.floors import NO_FLOORS
from engine_ci.artifact.inspection import inspect
from engine_ci.errors import UsageError, VerificationError
from engine_ci.records.bundle import RECORD, Attestation
from engine_ci.system import documents
from tests.unit.artifact import test_mac_bundle, wheels
from tests.unit.artifact.elves import image

if TYPE_CHECKING:
    from pathlib import Path

    from engine_ci.pins.model import Platform
    from engine_ci.records.audit import Audit
    from engine_ci.records.bundle import Bundle


def judged(
    folder: Path, *, platform: Platform = "ubuntu-x64", expected: Expected = NOTHING_EXPECTED
) -> Audit:
    return inspect(
        folder, platform=platform, backends=("cpu",), floors=NO_FLOORS, expected=expected
    )


def errors(found: Audit) -> list[tuple[str, str]]:
    return [(each.path, each.message) for each in found.findings if each.level == "error"]


@pytest.fixture
def made(tmp_path: Path) -> Bundle:
    path = wheels.wheel(tmp_path, wheels.engine())
    return bundle.prepare(wheels.request(tmp_path, wheels.asset(path), archive=path))


def test_a_bundle_of_ours_is_sound_and_its_tree_is_the_recorded_one(
    made: Bundle, tmp_path: Path
) -> None:
    found = judged(tmp_path / "bundle")

    assert found.sound
    assert (found.server, found.images) == (made.server, made.images)
    assert found.system_libraries == made.system_libraries
    assert found.tree_sha256 == made.tree_sha256


def test_a_file_that_nobody_vouched_for_is_told_again(made: Bundle, tmp_path: Path) -> None:
    doubt = Attestation(state="not-checked", why="the library sigstore is not installed")
    files = {
        platform: file.model_copy(update={"attestation": doubt})
        for platform, file in made.provenance.items()
    }
    record = made.model_copy(update={"provenance": files})
    (tmp_path / "bundle" / RECORD).write_text(documents.dump_json(record))

    found = judged(tmp_path / "bundle")

    assert found.sound
    assert [(each.level, each.message) for each in found.findings] == [
        ("warning", "its attestation is not checked: the library sigstore is not installed")
    ]


@pytest.mark.usefixtures("made")
def test_what_the_record_does_not_say_is_an_error(tmp_path: Path) -> None:
    folder = tmp_path / "bundle"
    (folder / "extra.txt").write_bytes(b"x")
    (folder / "licenses" / "COPYING3").unlink()
    (folder / "dist-info" / "licenses" / "LICENSE").write_bytes(wheels.LICENCE + b"\n")

    assert errors(judged(folder)) == [
        ("dist-info/licenses/LICENSE", "bundle.json names other bytes"),
        ("extra.txt", "bundle.json does not name it"),
        ("licenses/COPYING3", "bundle.json names it, and it is not there"),
    ]


@pytest.fixture
def folder(made: Bundle, tmp_path: Path) -> Path:
    """The same engine, as an app would lay it out."""
    assert made.server == "bin/llama-server"
    (tmp_path / "bundle" / "bundle.json").unlink()
    return (tmp_path / "bundle").rename(tmp_path / "app")


def test_a_folder_without_a_record_is_judged_by_what_is_in_it(folder: Path) -> None:
    assert judged(folder).sound

    (folder / "lib" / "libllama.so.0").unlink()

    assert errors(judged(folder)) == [
        ("bin/llama-server", "needs libllama.so.0, which its run path does not find")
    ]


def test_an_engine_without_its_licence_is_not_fit_to_be_shipped(folder: Path) -> None:
    (folder / "dist-info" / "licenses" / "LICENSE").unlink()

    ((_, message),) = errors(judged(folder))
    assert message.startswith("upstream's licence is not in the archive")


def test_rights_that_an_app_must_not_ship_are_errors(folder: Path) -> None:
    (folder / "bin" / "llama-server").chmod(0o4755)
    (folder / "lib").chmod(0o777)

    assert errors(judged(folder)) == [
        (
            "bin/llama-server",
            "it has a set-id bit: it runs as its owner or group, whoever starts it",
        ),
        ("lib", "everybody may write it"),
    ]


def test_a_program_that_cannot_be_started_is_an_error(folder: Path) -> None:
    (folder / "bin" / "llama-server").chmod(0o644)

    assert errors(judged(folder)) == [
        ("bin/llama-server", "its owner may not start it: it lost the bit that makes it a program")
    ]


def test_libraries_of_others_are_noted(folder: Path) -> None:
    (folder / "lib" / "libother.so").write_bytes(image())

    (note,) = judged(folder).findings
    assert (note.level, note.path) == ("note", "lib/libother.so")


def test_a_list_that_says_otherwise_is_an_error(folder: Path) -> None:
    expected = Expected(frameworks=("libggml-cpu.so",), frameworks_list="tauri.conf.json")

    assert errors(judged(folder, expected=expected)) == [
        (
            "bin/llama-server",
            "the engine's files are not those that tauri.conf.json lists: added libllama.so.0",
        )
    ]


def test_a_folder_without_an_engine_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no such folder"):
        judged(tmp_path / "nothing")
    (tmp_path / "empty").mkdir()
    with pytest.raises(VerificationError, match="expected one program called llama-server"):
        judged(tmp_path / "empty")


@pytest.fixture
def mac_app(tmp_path: Path) -> Path:
    """A `.app` in Tauri's layout: the program in one folder, its libraries in another."""
    asked = test_mac_bundle.request(tmp_path, test_mac_bundle.archive(tmp_path))
    bundle.prepare(dataclasses.replace(asked, into=tmp_path / "flat"))
    contents = tmp_path / "My.app" / "Contents"
    for name in ("MacOS", "Frameworks", "Resources"):
        (contents / name).mkdir(parents=True)
    for file in (tmp_path / "flat").iterdir():
        home = {"llama-server": "MacOS", "LICENSE": "Resources"}.get(file.name, "Frameworks")
        if file.name != "bundle.json":
            file.rename(contents / home / file.name)
    (contents / "MacOS" / "My").write_bytes(b"the app itself")
    (contents / "Info.plist").write_text("<plist/>")
    return contents.parent


def test_an_app_finds_its_libraries_from_folder_to_folder(mac_app: Path) -> None:
    found = judged(mac_app, platform="macos-arm64")

    assert errors(found) == []
    assert found.server == "Contents/MacOS/llama-server"
    assert "Contents/Frameworks/libllama.0.dylib" in found.images


def test_a_library_that_an_app_lost_is_missed(mac_app: Path) -> None:
    (mac_app / "Contents" / "Frameworks" / "libggml-base.0.dylib").unlink()

    messages = [message for _, message in errors(judged(mac_app, platform="macos-arm64"))]
    assert "needs @rpath/libggml-base.0.dylib, which its run path does not find" in messages


def test_a_broken_signature_in_an_app_is_an_error(mac_app: Path) -> None:
    library = mac_app / "Contents" / "Frameworks" / "libllama.0.dylib"
    content = bytearray(library.read_bytes())
    content[len(content) // 3] ^= 1
    library.write_bytes(content)

    ((path, message),) = errors(judged(mac_app, platform="macos-arm64"))
    assert path == "Contents/Frameworks/libllama.0.dylib"
    assert message.startswith("its signature for arm64 does not hold: the sha256 of page")
