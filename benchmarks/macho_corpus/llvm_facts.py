"""What LLVM's objdump says, read from its text."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from benchmarks.macho_corpus.facts import Facts, library
from engine_ci.system import command

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_COMMAND = re.compile(r"^Load command \d+$", re.MULTILINE)
_FIELD = re.compile(
    r"^ *(cmd|name|path|minos|version|sdk) (.+?)(?: \(offset \d+\))?$", re.MULTILINE
)
_CHAINED = re.compile(
    r"lib_ordinal = (-?\d+) .*\n *weak_import = (\d)\n *name_offset = \d+ \((.*)\)$", re.MULTILINE
)
_BIND = re.compile(
    r"^\S+ +\S+ +0x\w+ +\S+ +-?\d+ (?P<library>.+?) +(?P<name>\S+?)(?P<weak> \(weak_import\))?$",
    re.MULTILINE,
)
_LAZY = re.compile(
    r"^\S+ +\S+ +0x\w+ (?P<library>.+?) +(?P<name>\S+?)(?P<weak> \(weak_import\))?$",
    re.MULTILINE,
)
_SHARED = re.compile(r"^\S+ +\S+ +0x\w+ +\S+ +-?\d+ +(?P<name>\S+)$", re.MULTILINE)
_EXPORT = re.compile(r"^(?:0x\w+ +|\[re-export\] )(\S+)", re.MULTILINE)
_KINDS = {
    "LC_LOAD_DYLIB": "strong",
    "LC_LOAD_WEAK_DYLIB": "weak",
    "LC_REEXPORT_DYLIB": "reexport",
    "LC_LAZY_LOAD_DYLIB": "lazy",
    "LC_LOAD_UPWARD_DYLIB": "upward",
}
_SPECIAL = {
    "this-image": "this image",
    "main-executable": "main executable",
    "flat-namespace": "flat lookup",
}
_SHARED_LOOKUP = "weak"
_WEAK_LOOKUP = -3
_FIRST_SPECIAL = 241


def facts(path: Path, *, objdump: str, arch: str) -> Facts:
    """Those of one architecture."""

    def said(*options: str) -> str:
        argv = [objdump, "--macho", f"--arch={arch}", *options, str(path)]
        return command.run(argv, timeout_s=600).stdout

    headers = [dict(_FIELD.findall(part)) for part in _COMMAND.split(said("--private-headers"))]
    dependencies = tuple(
        (each["name"], _KINDS[each["cmd"]]) for each in headers if each.get("cmd") in _KINDS
    )
    builds = [
        each
        for each in headers
        if each.get("cmd", "").startswith(("LC_VERSION_MIN", "LC_BUILD_VERSION"))
    ]
    chained = any(each.get("cmd") == "LC_DYLD_CHAINED_FIXUPS" for each in headers)
    imports = list(
        _chained(said("--chained-fixups"), dependencies)
        if chained
        else _bound(said("--bind"), said("--lazy-bind"), said("--weak-bind"), dependencies)
    )
    return Facts(
        arch=arch,
        dependencies=dependencies,
        run_paths=tuple(each["path"] for each in headers if each.get("cmd") == "LC_RPATH"),
        minimum_os=tuple(each.get("minos") or each["version"] for each in builds),
        sdk=tuple(each["sdk"] for each in builds),
        imports=frozenset(each for each in imports if each[1] != _SHARED_LOOKUP),
        shared=frozenset(name for name, where, _ in imports if where == _SHARED_LOOKUP),
        exports=frozenset(_EXPORT.findall(said("--exports-trie"))),
    )


def _chained(
    said: str, dependencies: tuple[tuple[str, str], ...]
) -> Iterator[tuple[str, str, bool]]:
    for ordinal, weak, name in _CHAINED.findall(said):
        where = int(ordinal) if int(ordinal) < _FIRST_SPECIAL else int(ordinal) - 256
        shared = where == _WEAK_LOOKUP
        yield name, _SHARED_LOOKUP if shared else library(where, dependencies), weak == "1"


def _bound(
    bind: str, lazy: str, shared: str, dependencies: tuple[tuple[str, str], ...]
) -> Iterator[tuple[str, str, bool]]:
    for pattern, said in ((_BIND, bind), (_LAZY, lazy)):
        for found in pattern.finditer(said):
            yield found["name"], _long(found["library"], dependencies), bool(found["weak"])
    for found in _SHARED.finditer(shared):
        yield found["name"], _SHARED_LOOKUP, False


def _long(short: str, dependencies: tuple[tuple[str, str], ...]) -> str:
    """The library that objdump names by the beginning of its file's name."""
    if short in _SPECIAL:
        return _SPECIAL[short]
    named = [name for name, _ in dependencies if _stem(name, short)]
    return named[0] if len(named) == 1 else short


def _stem(name: str, short: str) -> bool:
    last = PurePosixPath(name).name
    return last == short or last.startswith(f"{short}.")
