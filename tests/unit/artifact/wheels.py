"""Wheels of a toy engine, and a package index on loopback that can be made to misbehave."""

from __future__ import annotations

import hashlib
import io
import tarfile
import zipfile
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import TYPE_CHECKING

from engine_ci.artifact import bundle, origins
from engine_ci.artifact.bundle import Request
from engine_ci.errors import RecordError
from engine_ci.pins.model import Asset
from engine_ci.records.bundle import RECORD, Bundle
from engine_ci.system import documents
from tests.unit.artifact.elves import image

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

TAG = "py3-none-manylinux_2_28_x86_64"
PACKAGE = "toy-engine"
LICENCE = b"MIT License\n\nCopyright (c) 2023-2026 The ggml authors\n"
SEARCH = "$ORIGIN:$ORIGIN/../lib"


def engine(**changed: bytes) -> dict[str, bytes]:
    """The files of a toy engine; a keyword replaces the image of that name."""
    images = {
        "server": image(needed=("libllama.so.0", "libc.so.6"), runpath=SEARCH),
        "cpu": image(needed=("libc.so.6",), runpath=SEARCH, numbers={"ggml_backend_init": 1}),
        "vulkan": image(needed=("libvulkan.so.1",), numbers={"ggml_backend_init": 2}),
        "llama": image(
            soname="libllama.so.0",
            runpath=SEARCH,
            numbers={"llama_init_from_model": 1, "LLAMA_BUILD_NUMBER": 11434},
            texts={"LLAMA_COMMIT": b"86a2835\0"},
            tail=b"\0clip\0llama\0qwen3moe\0mamba2\0Not One\0",
        ),
    } | changed
    return {
        "toy_engine/__init__.py": b"",
        "toy_engine/bin/llama-server": images["server"],
        "toy_engine/bin/libggml-cpu.so": images["cpu"],
        "toy_engine/bin/libggml-vulkan.so": images["vulkan"],
        "toy_engine/lib/libllama.so.0": images["llama"],
        "toy_engine/lib/libllama.so.0.1.0": images["llama"],
        "toy_engine/licenses/COPYING3": b"words",
        "toy_engine-1.0.dist-info/licenses/LICENSE": LICENCE,
    }


def wheel(folder: Path, files: Mapping[str, bytes], *, version: str = "1.0") -> Path:
    """A wheel that pip takes."""
    path = folder / f"toy_engine-{version}-{TAG}.whl"
    info = f"toy_engine-{version}.dist-info"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
        archive.writestr(
            f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {PACKAGE}\nVersion: {version}\n"
        )
        archive.writestr(f"{info}/WHEEL", f"Wheel-Version: 1.0\nGenerator: x\nTag: {TAG}\n")
        archive.writestr(f"{info}/RECORD", "")
    return path


def source_distribution(folder: Path, *, version: str = "1.0") -> Path:
    """A source distribution that pip can ask for its metadata, with nothing but itself."""
    path = folder / f"toy_engine-{version}.tar.gz"
    metadata = f"Metadata-Version: 2.1\nName: {PACKAGE}\nVersion: {version}\n"
    project = '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
    backend = (
        "from pathlib import Path\n"
        "def build_wheel(folder, settings=None, metadata=None):\n"
        "    raise NotImplementedError\n"
        "def prepare_metadata_for_build_wheel(folder, settings=None):\n"
        f"    info = Path(folder, 'toy_engine-{version}.dist-info')\n"
        "    info.mkdir()\n"
        f"    (info / 'METADATA').write_text({metadata!r})\n"
        "    return info.name\n"
    )
    with tarfile.open(path, "w:gz") as archive:
        for name, text in (("PKG-INFO", metadata), ("pyproject.toml", project),
                           ("backend.py", backend)):  # fmt: skip
            add(archive, f"toy_engine-{version}/{name}", text.encode())
    return path


def release(folder: Path, *, build: int = 11434) -> Path:
    """The toy engine as upstream ships it: one folder, every library under a chain of links."""
    files = engine(llama=image(soname="libllama.so.0", runpath="$ORIGIN"))
    top = f"llama-b{build}"
    path = folder / f"{top}-bin-ubuntu-x64.tar.gz"
    library = "libllama.so.0.0.1"
    with tarfile.open(path, "w:gz") as archive:
        for name in ("llama-server", "libggml-cpu.so", "libggml-vulkan.so"):
            add(archive, f"{top}/{name}", files[f"toy_engine/bin/{name}"])
        add(archive, f"{top}/{library}", files["toy_engine/lib/libllama.so.0"])
        add(archive, f"{top}/LICENSE", LICENCE)
        for link, target in (("libllama.so", "libllama.so.0"), ("libllama.so.0", library)):
            info = tarfile.TarInfo(f"{top}/{link}")
            info.type, info.linkname = tarfile.SYMTYPE, target
            archive.addfile(info)
    return path


def add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    """Adds a file."""
    info = tarfile.TarInfo(name)
    info.size = len(content)
    archive.addfile(info, io.BytesIO(content))


def asset(path: Path) -> Asset:
    """What a publisher says of a file."""
    content = path.read_bytes()
    return Asset(
        name=path.name,
        size=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        wheel_tags=(TAG,) if path.suffix == ".whl" else (),
    )


def request(folder: Path, published: Asset, *, archive: Path | None = None) -> Request:
    """A request for the toy engine, with all its places under `folder`."""
    return Request(
        pin="toy",
        adapter="llama-server",
        version="1.0",
        build=None,
        rebuild=0,
        source=f"package-index {PACKAGE}",
        origins=(origins.Index(package=PACKAGE, version="1.0"),),
        assets={"ubuntu-x64": published},
        platform="ubuntu-x64",
        backends=("cpu",),
        keep=("LICENSE*",),
        cache=folder / "cache",
        into=folder / "bundle",
        archive=archive,
    )


def ensured(asked: Request) -> Bundle:
    """The record of the bundle that `ensure` leaves."""
    bundle.ensure(asked)
    return documents.load_json(asked.into / RECORD, Bundle, error=RecordError)


@dataclass
class Index:
    """What a package index serves.

    Attributes:
        files: by name; any bytes.
        cut: how many bytes at the end of a file never arrive.
        downloads: the files that were asked for.
    """

    files: dict[str, bytes] = field(default_factory=dict)
    cut: int = 0
    downloads: list[str] = field(default_factory=list)

    def publish(self, path: Path) -> Asset:
        """Serves a file as it is."""
        self.files[path.name] = path.read_bytes()
        return asset(path)


@contextmanager
def serving(index: Index) -> Iterator[str]:
    """Serves `index` on loopback and yields its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path == f"/simple/{PACKAGE}/":
                links = "".join(f'<a href="/files/{name}">{name}</a>' for name in index.files)
                self._answer(f"<!DOCTYPE html><body>{links}</body>".encode(), "text/html", 0)
                return
            name = self.path.removeprefix("/files/")
            index.downloads.append(name)
            kind = "application/zip" if name.endswith(".whl") else "application/gzip"
            self._answer(index.files[name], kind, index.cut)

        def _answer(self, body: bytes, kind: str, cut: int) -> None:
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[: len(body) - cut])

        def log_message(self, *_: object) -> None:
            """Tests stay quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/simple"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
