"""The whole of prepare for macOS, on a server that a compiler made, in an archive like upstream's.

Run on any system. That macOS starts what comes out was not seen.
"""

from __future__ import annotations

import dataclasses
import hashlib
import io
import json
import platform
import struct
import sys
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from engine_ci.artifact import bundle, loaders, signer
from engine_ci.artifact.delegation import Delegate
from engine_ci.artifact.expected import Expected
from engine_ci.artifact.floors import NO_FLOORS, of_app
from engine_ci.artifact.macho import read, verify
from engine_ci.errors import MachOError, UsageError, VerificationError
from engine_ci.records.bundle import Edit
from tests.unit.artifact import machos, wheels
from tests.unit.artifact.macho import compiled
from tests.unit.artifact.relocations import applied

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine_ci.artifact.bundle import Request
    from engine_ci.pins.model import Platform

TOP = "llama-b11434"
NAMES = [
    "libggml-base.0.dylib",
    "libggml-cpu.so",
    "libggml.0.dylib",
    "libllama.0.dylib",
    "llama-server",
]


def versioned(name: str) -> str:
    return name.replace(".0.dylib", ".0.20.2.dylib")


def archive(
    folder: Path,
    *,
    each: Callable[[bytes], bytes] = lambda raw: raw,
    real: Callable[[str], str] = versioned,
    **changed: bytes,
) -> Path:
    """Upstream's archive; a library lies under its version, and links lead to it."""
    path = folder / f"{TOP}-bin-macos-arm64.tar.gz"
    files = {
        Path(name).name: each(content)
        for name, content in compiled.images().items()
        if name.startswith("server/")
    } | {"LICENSE": wheels.LICENCE}
    files |= {name.replace("_", "-").replace("--", "."): data for name, data in changed.items()}
    with tarfile.open(path, "w:gz") as archived:
        for name, content in files.items():
            info = tarfile.TarInfo(f"{TOP}/{real(name)}")
            info.size, info.mode = len(content), 0o755
            archived.addfile(info, io.BytesIO(content))
            if real(name) != name:
                link = tarfile.TarInfo(f"{TOP}/{name}")
                link.type, link.linkname = tarfile.SYMTYPE, real(name)
                archived.addfile(link)
    return path


def request(folder: Path, path: Path) -> Request:
    asked = wheels.request(folder, wheels.asset(path), archive=path)
    return dataclasses.replace(
        asked,
        platform="macos-arm64",
        assets={"macos-arm64": asked.assets["ubuntu-x64"]},
        floors=of_app(macos="13.4"),
    )


def images(folder: Path) -> dict[str, read.Image]:
    return {path.name: read.read(path)[0] for path in folder.iterdir() if path.name in NAMES}


def test_an_archive_becomes_one_folder_of_signed_images(tmp_path: Path) -> None:
    made = bundle.prepare(request(tmp_path, archive(tmp_path)))

    assert made.images == tuple(NAMES)
    assert made.server == "llama-server"
    assert made.signer == "builtin"
    dropped = {Path(file.path).name: file.why for file in made.dropped}
    assert dropped["libggml-metal.so"] == "a run-time backend that the app does not want"
    assert dropped["libunused.dylib"] == "nothing that is kept needs it"
    for name in NAMES:
        (found,) = verify.verify(tmp_path / "bundle" / name)
        assert found.faults == ()
        assert found.signature is not None
        assert found.signature.ad_hoc
        assert not found.signature.linker_signed


def intel(image: bytes) -> bytes:
    """The same image for the other processor; nobody here runs its code."""
    return image[:4] + struct.pack("<2I", machos.X86_64, 3) + image[12:]


def universal(image: bytes) -> bytes:
    """A file with both, of which the second begins on a page of 16 kB."""
    second = 0x4000 + -(-len(image) // 0x4000) * 0x4000
    return machos.fat(
        (machos.entry(0x4000, image, cpu=machos.X86_64, subtype=3), intel(image)),
        (machos.entry(second, image), image),
    )


@pytest.mark.parametrize(
    ("each", "platform", "pages"),
    [
        (intel, "macos-x64", {"x86_64": 0x1000}),
        (universal, "macos-x64", {"x86_64": 0x1000, "arm64": 0x4000}),
        (universal, "macos-arm64", {"x86_64": 0x1000, "arm64": 0x4000}),
    ],
    ids=["Intel", "both, for Intel", "both, for arm64"],
)
def test_engines_for_either_processor_or_both_become_bundles(
    tmp_path: Path, each: Callable[[bytes], bytes], platform: Platform, pages: dict[str, int]
) -> None:
    asked = request(tmp_path, archive(tmp_path, each=each))
    (published,) = asked.assets.values()

    made = bundle.prepare(
        dataclasses.replace(asked, platform=platform, assets={platform: published})
    )

    assert made.images == tuple(NAMES)
    for name in NAMES:
        found = verify.verify(tmp_path / "bundle" / name)
        assert [each.faults for each in found] == [()] * len(pages)
        assert {
            each.arch: each.signature.directory.page_size for each in found if each.signature
        } == pages
        for image in read.read(tmp_path / "bundle" / name):
            assert image.run_paths == ("@loader_path", "@loader_path/../Frameworks")


def test_images_find_each_other_in_that_folder_and_nowhere_else(tmp_path: Path) -> None:
    bundle.prepare(request(tmp_path, archive(tmp_path)))

    for name, image in images(tmp_path / "bundle").items():
        assert image.run_paths == ("@loader_path", "@loader_path/../Frameworks")
        assert image.id in (None, f"@rpath/{name}")
        for needed, _ in image.dependencies:
            assert needed.startswith(("/usr/lib/", "/System/")) or (
                needed.removeprefix("@rpath/") in NAMES
            )


def test_the_record_is_of_the_bytes_that_are_there(tmp_path: Path) -> None:
    asked = request(tmp_path, archive(tmp_path))

    made = wheels.ensured(asked)

    for file in made.files:
        content = (tmp_path / "bundle" / file.path).read_bytes()
        assert (len(content), hashlib.sha256(content).hexdigest()) == (file.size, file.sha256)
    assert wheels.ensured(asked) == made


def test_the_record_tells_what_was_written_into_every_image(tmp_path: Path) -> None:
    path = archive(tmp_path)

    made = bundle.prepare(request(tmp_path, path))

    edits = {file.path: file.edits for file in made.files if file.is_image}
    assert edits["libllama.0.dylib"][0] == Edit(
        what="name", old="libllama.0.20.2.dylib", new="libllama.0.dylib"
    )
    for name, image in images(tmp_path / "bundle").items():
        source = read.images(compiled.images()[f"server/{name}"])[0]
        told = applied(source, edits[name])
        assert (told.id, told.dependencies) == (image.id, image.dependencies)
        assert sorted(told.run_paths) == sorted(image.run_paths)
        assert edits[name][-1] == Edit(what="signature", new="ad hoc")


def test_a_backend_that_is_kept_by_its_own_name_too_is_there_twice(tmp_path: Path) -> None:
    path = archive(tmp_path, real=lambda name: name.replace("-cpu.so", "-cpu.1.so"))

    made = bundle.prepare(dataclasses.replace(request(tmp_path, path), keep=("libggml-cpu.1.so",)))

    untouched = (tmp_path / "bundle" / "libggml-cpu.1.so").read_bytes()
    assert untouched == compiled.images()["server/libggml-cpu.so"]
    (found,) = verify.verify(tmp_path / "bundle" / "libggml-cpu.so")
    assert found.faults == ()
    (backend,) = (file for file in made.files if file.kind == "backend")
    assert backend.edits[0] == Edit(what="name", old="libggml-cpu.1.so", new="libggml-cpu.so")


def test_the_same_archive_gives_the_same_bytes(tmp_path: Path) -> None:
    one = bundle.prepare(request(tmp_path, archive(tmp_path)))
    again = dataclasses.replace(request(tmp_path, archive(tmp_path)), into=tmp_path / "again")

    assert bundle.prepare(again).tree_sha256 == one.tree_sha256


def test_wanted_backends_are_roots_of_their_own(tmp_path: Path) -> None:
    asked = dataclasses.replace(request(tmp_path, archive(tmp_path)), backends=("metal",))

    made = bundle.prepare(asked)

    assert "libggml-metal.so" in made.images
    assert "libggml-cpu.so" not in made.images
    assert any("Metal.framework" in name for name in made.system_libraries)
    assert "_MTLCreateSystemDefaultDevice" in made.demands
    assert [each for each in made.demands if each.startswith("macOS ")] == ["macOS 13.4"]
    assert "_OBJC_CLASS_$_MTLResidencySetDescriptor" not in made.demands


def refused(folder: Path, asked: Request) -> str:
    with pytest.raises(VerificationError) as caught:
        bundle.prepare(asked)
    assert not (folder / "bundle").exists()
    return caught.value.message


def test_a_strong_symbol_that_old_systems_lack_is_refused(tmp_path: Path) -> None:
    path = archive(tmp_path, libggml_cpu__so=compiled.images()["strong-metal.so"])

    assert "MTLResidencySetDescriptor" in refused(tmp_path, request(tmp_path, path))


def test_an_image_for_another_processor_is_refused(tmp_path: Path) -> None:
    asked = request(tmp_path, archive(tmp_path))
    asked = dataclasses.replace(
        asked, platform="macos-x64", assets={"macos-x64": asked.assets["macos-arm64"]}
    )

    assert "built for arm64, expected x86_64" in refused(tmp_path, asked)


def test_a_library_of_homebrew_is_refused(tmp_path: Path) -> None:
    path = archive(tmp_path, libggml_base__0__dylib=compiled.images()["homebrew.dylib"])

    assert "/opt/homebrew/opt/libomp/lib/libomp.dylib" in refused(tmp_path, request(tmp_path, path))


def test_an_image_without_room_for_run_paths_is_refused_and_not_corrupted(tmp_path: Path) -> None:
    path = archive(tmp_path, libggml_base__0__dylib=compiled.images()["no-pad.dylib"])

    with pytest.raises(MachOError, match="the header has room for"):
        bundle.prepare(request(tmp_path, path))
    assert not (tmp_path / "bundle").exists()


def test_a_file_that_is_no_image_is_refused(tmp_path: Path) -> None:
    path = archive(tmp_path, libggml_cpu__so=b"\x7fELF not for a Mac")

    assert "libggml-cpu.so" in refused(tmp_path, request(tmp_path, path))


def test_the_apps_list_of_frameworks_must_be_right(tmp_path: Path) -> None:
    listed = Expected(frameworks=tuple(NAMES[1:-1]), frameworks_list="tauri.conf.json")

    asked = dataclasses.replace(request(tmp_path, archive(tmp_path)), expected=listed)

    assert refused(tmp_path, asked).endswith(
        "that tauri.conf.json lists: added libggml-base.0.dylib"
    )


CODESIGN = """#!{python}
import json, sys
from pathlib import Path
here = Path(__file__).parent
*words, name = sys.argv[1:]
with (here / "calls").open("a") as calls:
    calls.write(json.dumps([words[0], Path(name).name]) + "\\n")
if words[0] == "--display":
    print("CDHash=" + (here / "cdhash").read_text(), file=sys.stderr)
"""


@pytest.fixture
def codesign(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a stand-in for Apple's program, which leaves files as they are."""
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "codesign").write_text(CODESIGN.format(python=sys.executable))
    (tools / "codesign").chmod(0o755)
    (tools / "cdhash").write_text("ab" * 20)
    monkeypatch.setenv("PATH", str(tools), prepend=":")
    return tools


def test_on_a_mac_codesign_has_the_last_word(tmp_path: Path, codesign: Path) -> None:
    asked = dataclasses.replace(request(tmp_path, archive(tmp_path)), signer="codesign")

    made = bundle.prepare(asked)

    calls = [json.loads(line) for line in (codesign / "calls").read_text().splitlines()]
    for word in ("--force", "--verify"):
        named = [name for each, name in calls if each == word]
        assert sorted(named) == sorted(NAMES)  # each once
        assert named[-1] == "llama-server"  # after all that it loads
    assert calls[-1][0] == "--verify"
    told = [item for item in made.findings if "codesign's hash" in item.message]
    assert {(item.level, item.path) for item in told} == {("warning", name) for name in NAMES}


def test_two_signers_that_agree_say_nothing(tmp_path: Path, codesign: Path) -> None:
    bundle.prepare(request(tmp_path, archive(tmp_path)))
    (found,) = verify.verify(tmp_path / "bundle" / "llama-server")
    assert found.signature is not None
    (codesign / "cdhash").write_text(found.signature.cdhash)
    asked = dataclasses.replace(request(tmp_path, archive(tmp_path)), signer="codesign")

    made = bundle.prepare(asked)

    assert "llama-server" not in {item.path for item in made.findings}


@pytest.mark.parametrize(("system", "usual"), [("Darwin", "codesign"), ("Linux", "builtin")])
def test_what_ships_from_a_mac_is_signed_by_apples_program(
    monkeypatch: pytest.MonkeyPatch, system: str, usual: str
) -> None:
    monkeypatch.setattr(platform, "system", lambda: system)

    assert signer.named(None) == usual
    assert signer.named("builtin") == "builtin"


def test_a_signer_that_nobody_knows_is_a_mistake_of_the_user() -> None:
    with pytest.raises(UsageError, match="there is no signer `gpg`"):
        signer.named("gpg")


def left(folder: Path) -> Request:
    """What an app's own command leaves: the bundle that we would have made."""
    bundle.prepare(request(folder, archive(folder)))
    (folder / "bundle" / "bundle.json").unlink()
    (folder / "bundle").rename(folder / "binaries")
    asked = request(folder, archive(folder))
    command = (sys.executable, "-c", "pass")
    delegate = Delegate(
        command=command, root=folder, leaves=folder / "binaries", log=folder / "log"
    )
    return dataclasses.replace(asked, delegate=delegate)


def test_what_an_app_signed_itself_is_taken_to_the_byte(tmp_path: Path) -> None:
    asked = left(tmp_path)

    made = bundle.prepare(asked)

    assert made.images == tuple(NAMES)
    assert [finding.level for finding in made.findings] == ["warning"]
    assert made.signer is None
    for name in NAMES:
        assert (tmp_path / "bundle" / name).read_bytes() == (
            tmp_path / "binaries" / name
        ).read_bytes()


def test_a_byte_that_was_changed_after_signing_is_refused(tmp_path: Path) -> None:
    asked = left(tmp_path)
    library = tmp_path / "binaries" / "libllama.0.dylib"
    content = bytearray(library.read_bytes())
    content[len(content) // 3] ^= 1
    library.write_bytes(content)

    with pytest.raises(
        VerificationError, match=r"libllama\.0\.dylib: its signature for arm64 does"
    ):
        bundle.prepare(asked)


def test_a_run_path_that_stays_is_told_otherwise_than_one_that_goes() -> None:
    image = dataclasses.replace(
        read.images(compiled.images()["server/llama-server"])[0], run_paths=("/opt/ci/lib",)
    )

    (note,) = loaders.of("macos-arm64").findings({"x": image}, floors=NO_FLOORS)
    (warning,) = loaders.settled("macos-arm64").findings({"x": image}, floors=NO_FLOORS)

    assert (note.level, warning.level) == ("note", "warning")
    assert warning.message == "its run path '/opt/ci/lib' leads out of the app"
