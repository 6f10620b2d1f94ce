"""Damages small archives at random and unpacks them: refused or whole, and nothing lands outside.

Run as `python benchmarks/fuzz_archives.py [SECONDS] [SEED]`; 60 s when not said. Four archives with
files, links, long names and folders take turns: a zip, a tar.gz and a tar.xz, of which the bytes
are damaged, and a tar that is damaged before it is packed, since the checksums of a compression see
most damage first. An edit flips a bit, or writes, removes, repeats or moves bytes, or writes a
number or a name that means something; the checksums of a tar are made right again in half of the
cases. The work folder should be in memory: `TMPDIR=/dev/shm`.
"""

from __future__ import annotations

import gzip
import io
import lzma
import os
import random
import shutil
import stat
import sys
import tarfile
import tempfile
import time
import zipfile
from collections import Counter
from pathlib import Path

from engine_ci.artifact import unpack
from engine_ci.artifact.archive import Limits
from engine_ci.errors import VerificationError

LIMITS = Limits(files=100, file_size=1 << 20, total_size=4 << 20)
# No single archive may take longer, in seconds; they are of a few hundred bytes.
MOST = 5.0
EDITS = 4
MEANT = [
    b"../", b"/", b"..", b"\0", b"\xff" * 4, b"\xff" * 8, b"\x80" + bytes(11), b"GNU.sparse.map=",
    b"path=", b"linkpath=", b"size=", b"ustar  \0", b"0", b"1", b"2", b"5", b"L", b"K", b"S", b"x",
    b"g", b"PK\1\2", b"PK\3\4", b"PK\5\6", b"PK\6\7", b"PK\7\10", b"\1\0", b"7777777",
]  # fmt: skip


def main(seconds: float, seed: int) -> None:
    """Fuzzes for so long and prints what came of it."""
    sound = {"toy.zip": zipped(), "toy.tar.gz": gzip.compress(tar(), mtime=0),
             "toy.tar.xz": lzma.compress(tar()), "toy.tgz": tar()}  # fmt: skip
    chosen = random.Random(seed)  # noqa: S311 - repeatable, not secret
    ends: dict[str, Counter[str]] = {name: Counter() for name in sound}
    slowest = 0.0
    until = time.monotonic() + seconds
    with tempfile.TemporaryDirectory() as folder:
        while time.monotonic() < until:
            for name, content in sound.items():
                begin = time.monotonic()
                ends[name][once(Path(folder), name, damaged(content, name, chosen))] += 1
                slowest = max(slowest, time.monotonic() - begin)
    for name, found in ends.items():
        told = ", ".join(f"{count} {end}" for end, count in sorted(found.items()))
        print(f"{name:11} {found.total():8} archives: {told}")
    total = sum(found.total() for found in ends.values())
    print(f"{total} archives in {seconds:.0f} s, seed {seed}; the slowest took {slowest:.2f} s")
    assert slowest < MOST


def once(folder: Path, name: str, content: bytes) -> str:
    """Unpacks one archive, packed first where its name says so; what came of it."""
    try:
        unpacked(folder, name, gzip.compress(content, 1) if name == "toy.tgz" else content)
    except VerificationError:
        return "refused"
    return "unpacked"


def unpacked(folder: Path, name: str, content: bytes) -> None:
    """Unpacks one archive; fails where anything but a refusal or whole files is the outcome."""
    path, into = folder / name, folder / "out"
    path.write_bytes(content)
    try:
        with unpack.opened(path, name=name, into=into, limits=LIMITS) as opened:
            for member in opened.entries:
                assert opened.unpack(member).path.resolve().is_relative_to(into.resolve())
    finally:
        path.unlink()
        check(folder, into)


def check(folder: Path, into: Path) -> None:
    """Nothing lies beside the folder, and in it are plain files and folders only."""
    assert {place.name for place in folder.iterdir()} <= {into.name}
    for above, folders, files in os.walk(into):
        for entry in (*folders, *files):
            mode = Path(above, entry).lstat().st_mode
            assert stat.S_ISDIR(mode) or stat.S_ISREG(mode)
            assert not mode & (stat.S_ISUID | stat.S_ISGID)
    if into.exists():
        shutil.rmtree(into)


def damaged(content: bytes, name: str, chosen: random.Random) -> bytes:
    """One to four edits at random places."""
    edited = bytearray(content)
    for _ in range(chosen.randint(1, EDITS)):
        edit(edited, chosen)
    if name == "toy.tgz" and chosen.random() < 0.5:
        repair(edited)
    return bytes(edited)


def edit(content: bytearray, chosen: random.Random) -> None:
    """Changes some bytes in place."""
    at = chosen.randrange(len(content) + 1)
    length = chosen.choice((1, 2, 4, 8, 64, 512))
    part = content[at : at + length]
    match chosen.randrange(6):
        case 0 if part:
            content[at] ^= 1 << chosen.randrange(8)
        case 1:
            content[at : at + length] = chosen.randbytes(length)
        case 2:
            content[at : at + length] = b""
        case 3:
            content[at:at] = part
        case 4:
            other = chosen.randrange(len(content) + 1)
            content[other : other + length] = part
        case _:
            value = chosen.choice(MEANT)
            content[at : at + len(value)] = value


def repair(content: bytearray) -> None:
    """Makes the checksum of every block right that looks like a header."""
    for at in range(0, len(content) - 511, 512):
        if content[at + 257 : at + 262] == b"ustar":
            content[at + 148 : at + 156] = b" " * 8
            content[at + 148 : at + 156] = b"%06o\0 " % sum(content[at : at + 512])


def zipped() -> bytes:
    """A zip with files, stored and compressed, a folder and links."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("lib/", b"")
        archive.writestr("lib/libx.so.0.1", b"code" * 40)
        archive.writestr("bin/server", b"run", zipfile.ZIP_STORED)
        for name, target in (("lib/libx.so", b"libx.so.0"), ("lib/libx.so.0", b"libx.so.0.1")):
            info = zipfile.ZipInfo(name)
            info.external_attr = (stat.S_IFLNK | 0o777) << 16
            archive.writestr(info, target)
    return made.getvalue()


def tar() -> bytes:
    """A tar with a folder, files, links of both kinds, and names in both extensions."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w", format=tarfile.PAX_FORMAT) as archive:
        add(archive, "lib", kind=tarfile.DIRTYPE)
        add(archive, "lib/libx.so.0.1", b"code" * 40)
        add(archive, "lib/" + "é" * 60, b"x")
        add(archive, "lib/libx.so", kind=tarfile.SYMTYPE, target="libx.so.0.1")
        add(archive, "bin/x", kind=tarfile.LNKTYPE, target="lib/libx.so.0.1")
        archive.format = tarfile.GNU_FORMAT
        add(archive, "lib/" + "y" * 120, b"y")
    return made.getvalue().rstrip(b"\0") + bytes(1536)


def add(
    archive: tarfile.TarFile,
    name: str,
    content: bytes = b"",
    *,
    kind: bytes = tarfile.REGTYPE,
    target: str = "",
) -> None:
    """Adds one member."""
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.size, info.mode = kind, target, len(content), 0o755
    archive.addfile(info, io.BytesIO(content))


if __name__ == "__main__":
    given = sys.argv[1:]
    main(float(given[0]) if given else 60, int(given[1]) if given[1:] else 0)
