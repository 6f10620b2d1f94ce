"""Pure. Edits load commands: the name of a library, of those it needs, and where they are sought.

An edited image is not signed: what is here gives commands, and only `sign` writes them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from engine_ci.artifact.macho import commands, layout
from engine_ci.artifact.macho.commands import LC, RpathCommand
from engine_ci.errors import MachOError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from engine_ci.artifact.macho.layout import Command, Slice

DEPENDENCIES = frozenset({
    LC.LOAD_DYLIB, LC.LOAD_WEAK_DYLIB, LC.REEXPORT_DYLIB, LC.LAZY_LOAD_DYLIB, LC.LOAD_UPWARD_DYLIB,
})  # fmt: skip
_WORD = 8
_WHAT = "command with a name"


@dataclass(frozen=True, kw_only=True, slots=True)
class Changes:
    """What to change; nothing of what is not named.

    Attributes:
        install_name: the name by which others will ask for this library.
        dependencies: the new name of libraries it needs, by the old one.
        run_paths: all that it will have, in order.
    """

    install_name: str | None = None
    dependencies: Mapping[str, str] = field(default_factory=dict)
    run_paths: Sequence[str] | None = None


NONE = Changes()


def edited(image: Slice, changes: Changes) -> list[bytes]:
    """The image's load commands with the changes, each as bytes.

    A changed command stays where it is; run paths beyond those that there were come last.

    Raises:
        MachOError: the image has no such name, or a new one is no name.
    """
    _check(image, changes)
    paths = iter(changes.run_paths or ())
    bodies = [_edited(image, command, changes, paths) for command in image.commands]
    added = [_run_path(path) for path in paths]
    return [body for body in bodies if body] + added


def packed(image: Slice, bodies: Iterable[bytes]) -> bytes:
    """The header and these load commands, zeroes where there were more: the image's first bytes.

    Raises:
        MachOError: the header has no room for them.
    """
    bodies = list(bodies)
    content = b"".join(bodies)
    begin, old_end = layout.HEADER.size, layout.HEADER.size + image.header.commands_size
    room = _content_begins(image) - begin
    if len(content) > room:
        raise MachOError(
            f"load commands need {len(content)} bytes, the header has room for {room}",
            hint="link it with -headerpad_max_install_names",
        )
    if any(image.data[old_end : begin + len(content)]):
        raise MachOError(f"expected zeroes behind the load commands, at byte {old_end}")
    header = image.header._replace(commands=len(bodies), commands_size=len(content))
    return (layout.HEADER.pack(header) + content).ljust(old_end, b"\0")


def _check(image: Slice, changes: Changes) -> None:
    if changes.install_name is not None and image.one(LC.ID_DYLIB) is None:
        raise MachOError("expected a library with a name to change, found none")
    needed = {_name(image, command) for command in image.all(*DEPENDENCIES)}
    for name in sorted(changes.dependencies.keys() - needed):
        raise MachOError(f"expected it to need {name!a}, found {', '.join(sorted(needed))}")
    paths = changes.run_paths or ()
    if len(set(paths)) < len(paths):
        raise MachOError(f"expected each run path once, as dyld does, found {', '.join(paths)}")
    named = () if changes.install_name is None else (changes.install_name,)
    for name in (*named, *changes.dependencies.values(), *paths):
        if not name or not name.isprintable():
            raise MachOError(f"expected a name that can be written, found {name!a}")


def _edited(image: Slice, command: Command, changes: Changes, paths: Iterator[str]) -> bytes:
    """The command as it is to be; nothing when it is to go."""
    body = image.body(command)
    if command.cmd == LC.RPATH and changes.run_paths is not None:
        path = next(paths, None)
        return b"" if path is None else _run_path(path)
    if command.cmd == LC.ID_DYLIB and changes.install_name is not None:
        return _library(body, changes.install_name)
    if command.cmd in DEPENDENCIES and changes.dependencies:
        name = changes.dependencies.get(_name(image, command))
        return bytes(body) if name is None else _library(body, name)
    return bytes(body)


def _name(image: Slice, command: Command) -> str:
    return image.text(command, commands.DYLIB.read(image.body(command), 0, what=_WHAT).name)


def _library(body: memoryview, name: str) -> bytes:
    """The same command with another name; what stands before the name stays."""
    record = commands.DYLIB.read(body, 0, what=_WHAT)
    if record.name < commands.DYLIB.size:
        raise MachOError(f"{_WHAT}: expected the name behind byte 24, found it at {record.name}")
    text = _text(name, behind=record.name)
    head = commands.DYLIB.pack(record._replace(size=record.name + len(text)))
    return head + bytes(body[len(head) : record.name]) + text


def _run_path(path: str) -> bytes:
    text = _text(path, behind=commands.RPATH.size)
    size = commands.RPATH.size + len(text)
    return commands.RPATH.pack(RpathCommand(LC.RPATH, size, commands.RPATH.size)) + text


def _text(name: str, *, behind: int) -> bytes:
    """The text with its end, as long as a command of whole words needs it."""
    raw = name.encode() + b"\0"
    return raw + bytes(-(behind + len(raw)) % _WORD)


def _content_begins(image: Slice) -> int:
    """Where the first bytes are that are no header; an empty section may mark them too."""
    places = [segment.offset for segment in image.segments if segment.file_size]
    places += [section.offset for segment in image.segments for section in segment.sections]
    return min((place for place in places if place), default=len(image.data))
