"""What dyld would read of a program or library: the facts that closure and audit judge by."""

from __future__ import annotations

import mmap
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple
from uuid import UUID

from engine_ci.artifact.macho import (
    binds,
    chained,
    commands,
    exports,
    fields,
    imports,
    layout,
    versions,
)
from engine_ci.artifact.macho.commands import LC
from engine_ci.artifact.macho.imports import Ordinal
from engine_ci.errors import MachOError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

    from engine_ci.artifact.macho.commands import DyldInfoCommand
    from engine_ci.artifact.macho.exports import Export
    from engine_ci.artifact.macho.imports import Import
    from engine_ci.artifact.macho.layout import Buffer, Command, Slice
    from engine_ci.artifact.macho.versions import Build, Version


class Kind(StrEnum):
    """How an image depends on a library.

    A weak one may be missing; a re-exported one's symbols count as the image's own; a lazy one is
    loaded when first used; an upward one is above the image in the order of initialisers.
    """

    STRONG = "strong"
    WEAK = "weak"
    REEXPORT = "reexport"
    LAZY = "lazy"
    UPWARD = "upward"


_KINDS = {
    LC.LOAD_DYLIB: Kind.STRONG,
    LC.LOAD_WEAK_DYLIB: Kind.WEAK,
    LC.REEXPORT_DYLIB: Kind.REEXPORT,
    LC.LAZY_LOAD_DYLIB: Kind.LAZY,
    LC.LOAD_UPWARD_DYLIB: Kind.UPWARD,
}
_ALLOW_STACK_EXECUTION = 0x20000
_SAYS_MORE = 0x1A741800  # in place of the time, since macOS 15: the kind stands in flags
_FLAGS = {0x1: Kind.WEAK, 0x2: Kind.REEXPORT, 0x4: Kind.UPWARD, 0x8: Kind.LAZY}


class Dependency(NamedTuple):
    """A library that an image asks for; `name` as written, `@rpath/` and all."""

    name: str
    kind: Kind


@dataclass(frozen=True, kw_only=True, slots=True)
class Image:
    """One architecture of a program or library.

    Attributes:
        arch: `arm64`, `x86_64`, or what `layout.Slice.arch` says of any other.
        filetype: program, library or bundle (a library that is only loaded at run time).
        id: the name by which a library is asked for, its install name.
        dependencies: in order; an import's ordinal 1 is the first.
        run_paths: where `@rpath/` may lead, as written, in order.
        builds: one for each platform.
        imports: each once.
        exports: those of the names that were asked for which it gives to others.
        executable_stack: whether it asks for a stack that code can be run from.
    """

    arch: str
    filetype: layout.FileType
    id: str | None = None
    dependencies: tuple[Dependency, ...] = ()
    run_paths: tuple[str, ...] = ()
    builds: tuple[Build, ...] = ()
    uuid: UUID | None = None
    imports: tuple[Import, ...] = ()
    exports: frozenset[str] = frozenset()
    executable_stack: bool = False

    @property
    def minimum_os(self) -> Version | None:
        """The oldest macOS that loads it; None when it is not said, or for another system."""
        return next(
            (build.minimum_os for build in self.builds if build.platform == versions.MACOS), None
        )

    def library(self, of: Import) -> str | None:
        """The name of the library that an import is of; None when it is no particular one's."""
        return self.dependencies[of.ordinal - 1].name if of.ordinal > 0 else None


def read(path: Path, *, seeking: Collection[str] = ()) -> tuple[Image, ...]:
    """The images of a file: one, or those of a fat file in its order.

    The file is mapped, not copied, so it may not shrink meanwhile.

    Args:
        path: the file.
        seeking: exports that matter, by their names; an image may have 100,000 that do not.

    Raises:
        MachOError: it is no Mach-O file, or a damaged one; the message names it.
    """
    with path.open("rb") as stream:
        try:
            data = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
        except ValueError as error:
            raise MachOError(f"{path.name}: expected a Mach-O image, found no bytes") from error
    try:
        return images(data, seeking=seeking)
    except MachOError as error:
        raise MachOError(f"{path.name}: {error}", hint=error.hint) from error


def images(data: Buffer, *, seeking: Collection[str] = ()) -> tuple[Image, ...]:
    """The images of a file's bytes; MachOError as for a file."""
    return tuple(image(each, seeking=seeking) for each in layout.slices(data))


def image(of: Slice, *, seeking: Collection[str] = ()) -> Image:
    """The facts of one slice; MachOError as for a file."""
    _ = of.segments  # one that passes the end of the file is refused, as a file cut short has
    dependencies = tuple(_dependency(of, command) for command in of.all(*_KINDS))
    return Image(
        arch=of.arch,
        filetype=_filetype(of),
        id=_id(of),
        dependencies=dependencies,
        run_paths=tuple(_run_path(of, command) for command in of.all(LC.RPATH)),
        builds=versions.builds(of),
        uuid=_uuid(of),
        imports=_imports(of, libraries=len(dependencies)),
        exports=_sought(of, seeking),
        executable_stack=bool(of.header.flags & _ALLOW_STACK_EXECUTION),
    )


def all_exports(of: Slice) -> Iterator[Export]:
    """All that one slice gives to others; MachOError where any of it is damaged."""
    return exports.exports(export_trie(of))


def _filetype(of: Slice) -> layout.FileType:
    try:
        return layout.FileType(of.header.filetype)
    except ValueError as error:
        raise MachOError(
            f"expected a program, library or bundle, found file type {of.header.filetype}"
        ) from error


def _id(of: Slice) -> str | None:
    command = of.one(LC.ID_DYLIB)
    return None if command is None else _dylib_name(of, command)


def _dylib_name(of: Slice, command: Command) -> str:
    return of.text(command, commands.DYLIB.read(of.body(command), 0, what="library").name)


def _dependency(of: Slice, command: Command) -> Dependency:
    kind = _KINDS[LC(command.cmd)]
    record = commands.DYLIB.read(of.body(command), 0, what="library")
    if record.timestamp == _SAYS_MORE and record.name == commands.DYLIB_USE.size:
        flags = commands.DYLIB_USE.read(of.body(command), 0, what="library").flags
        kind = next((said for flag, said in _FLAGS.items() if flags & flag), kind)
    return Dependency(name=of.text(command, record.name), kind=kind)


def _run_path(of: Slice, command: Command) -> str:
    return of.text(command, commands.RPATH.read(of.body(command), 0, what="run path").path)


def _uuid(of: Slice) -> UUID | None:
    command = of.one(LC.UUID)
    if command is None:
        return None
    return UUID(bytes=commands.UUID.read(of.body(command), 0, what="UUID command").uuid)


def _imports(of: Slice, *, libraries: int) -> tuple[Import, ...]:
    """Of every kind that there is; one of a library that the image does not name is refused."""
    found = imports.distinct(_all_imports(of))
    for each in found:
        if not min(Ordinal) <= each.ordinal <= libraries:
            raise MachOError(
                f"import {each.name}: expected one of {libraries} libraries, "
                f"found number {each.ordinal}"
            )
    return found


def _all_imports(of: Slice) -> Iterator[Import]:
    info, fixups = _dyld_info(of), of.one(LC.DYLD_CHAINED_FIXUPS)
    if info is None and fixups is None:
        _expect_no_imports(of)
    if info is not None:
        yield from binds.bound(_stream(of, info.bind_offset, info.bind_size))
        yield from binds.lazily_bound(_stream(of, info.lazy_bind_offset, info.lazy_bind_size))
        yield from binds.weakly_bound(_stream(of, info.weak_bind_offset, info.weak_bind_size))
    if fixups is not None:
        yield from chained.imports(of.linkedit(fixups))


def _expect_no_imports(of: Slice) -> None:
    """Before macOS 10.6 imports stood in relocations: "none" would be a lie."""
    command = of.one(LC.DYSYMTAB)
    if command is None:
        return
    count = commands.DYSYMTAB.read(of.body(command), 0, what="DYSYMTAB command").undefined
    if count:
        raise MachOError(f"expected bind opcodes or chained fixups for {count} imports, found none")


def _sought(of: Slice, names: Collection[str]) -> frozenset[str]:
    """Those that it exports. Damage elsewhere in the trie is not met, as dyld does not meet it."""
    trie = export_trie(of)
    return frozenset(name for name in names if exports.find(trie, name) is not None)


def export_trie(of: Slice) -> memoryview:
    """The tree of what it gives to others; no bytes where it has none."""
    info, trie = _dyld_info(of), of.one(LC.DYLD_EXPORTS_TRIE)
    if trie is not None:
        return of.linkedit(trie)
    if info is not None:
        return _stream(of, info.export_offset, info.export_size)
    return memoryview(b"")


def _dyld_info(of: Slice) -> DyldInfoCommand | None:
    command = of.one(LC.DYLD_INFO, LC.DYLD_INFO_ONLY)
    if command is None:
        return None
    return commands.DYLD_INFO.read(of.body(command), 0, what="DYLD_INFO command")


def _stream(of: Slice, offset: int, size: int) -> memoryview:
    return fields.span(of.data, offset, size, what="DYLD_INFO")
