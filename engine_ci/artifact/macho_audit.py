"""Pure. What is wrong with the Mach-O images of a bundle."""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Annotated, Final

import yaml
from pydantic import StringConstraints, TypeAdapter

from engine_ci.artifact import macho_closure
from engine_ci.artifact.macho.versions import Version
from engine_ci.records.bundle import AuditFinding
from engine_ci.system.documents import Document

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from engine_ci.artifact.floors import Floor, Floors
    from engine_ci.artifact.macho.read import Image

_PATTERN_END: Final = "*"


class NewSymbol(Document):
    """A symbol that older systems lack.

    Attributes:
        symbol: as the linker knows it; with `*` at its end all that begin so.
        since: the first macOS that has it.
    """

    symbol: str
    since: Annotated[str, StringConstraints(pattern=r"^\d+\.\d+$")]
    what: str


def findings(
    images: Mapping[str, Image], *, machine: str, floors: Floors, settled: bool = False
) -> Iterator[AuditFinding]:
    """What is wrong with images, by their path in the bundle.

    Args:
        images: as they came.
        machine: the processor that they are for.
        floors: the oldest systems that the app runs on.
        settled: whether they stay as they are; otherwise their run paths are replaced.
    """
    for path, image in images.items():
        for message in _errors(image, machine=machine, floor=floors.macos):
            yield AuditFinding(level="error", path=path, message=message)
        for run_path in image.run_paths:
            if not run_path.startswith("@"):
                yield _foreign(run_path, path, settled=settled)


def _foreign(run_path: str, path: str, *, settled: bool) -> AuditFinding:
    if settled:
        message = f"its run path {run_path!a} leads out of the app"
        return AuditFinding(level="warning", path=path, message=message)
    message = f"its run path {run_path!a} led to the machine that built it; replaced"
    return AuditFinding(level="note", path=path, message=message)


def _errors(image: Image, *, machine: str, floor: Floor | None) -> Iterator[str]:
    if image.arch != machine:
        yield f"built for {image.arch}, expected {machine}"
    if image.executable_stack:
        yield "its stack is executable, which a compiler's default is not"
    oldest = image.minimum_os
    if oldest is None:
        yield "it does not say which macOS it is for"
    if floor is None:
        return
    least = Version(*floor.parts)
    if oldest is not None and oldest > least:
        yield f"needs macOS {oldest}, and {floor.who}"
    for each, symbol in _newer(image, least):
        yield (f"needs {symbol} ({each.what}), which came with macOS {each.since}, and {floor.who}")


def _newer(image: Image, floor: Version) -> Iterable[tuple[NewSymbol, str]]:
    """Symbols that must be there, from libraries of the system, and are not on the oldest one."""
    table = [each for each in _table() if _version(each.since) > floor]
    for name in sorted(macho_closure.demands(image)):
        for each in table:
            if _matches(each.symbol, name):
                yield each, name


def _matches(pattern: str, name: str) -> bool:
    if pattern.endswith(_PATTERN_END):
        return name.startswith(pattern.removesuffix(_PATTERN_END))
    return name == pattern


def _version(text: str) -> Version:
    return Version(*map(int, text.split(".")))


@cache
def _table() -> tuple[NewSymbol, ...]:
    text = resources.files("engine_ci.artifact").joinpath("new_symbols.yaml").read_text("utf-8")
    return TypeAdapter(tuple[NewSymbol, ...]).validate_python(yaml.safe_load(text))
