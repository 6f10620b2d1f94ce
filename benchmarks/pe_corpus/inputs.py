"""The wheels, fetched once and kept, and every PE file in them."""

from __future__ import annotations

import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from benchmarks import wheels

if TYPE_CHECKING:
    from collections.abc import Iterator

_MAGIC = b"MZ"


@dataclass(frozen=True, kw_only=True)
class Sample:
    """One PE file: the wheel and the member that it is, and where it lies until the next one."""

    wheel: str
    member: str
    path: Path

    def __str__(self) -> str:
        return f"{self.wheel}: {self.member}"


def samples(cache: Path) -> Iterator[Sample]:
    """Every PE file of all wheels, one at a time."""
    listed = yaml.safe_load(Path(__file__).with_name("inputs.yaml").read_text(encoding="utf-8"))
    for each in listed["wheels"]:
        yield from _images(f"{each['package']} {each['tag']}", wheels.kept(cache, **each))


def _images(wheel: str, archive: Path) -> Iterator[Sample]:
    with zipfile.ZipFile(archive) as opened, tempfile.TemporaryDirectory() as folder:
        for member in opened.namelist():
            raw = opened.read(member)
            if raw.startswith(_MAGIC):
                path = Path(folder, Path(member).name)
                path.write_bytes(raw)
                yield Sample(wheel=wheel, member=member, path=path)
                path.unlink()
