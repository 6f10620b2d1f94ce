"""What LLVM's objdump and nm say, read from their text."""

from __future__ import annotations

import re
import shutil
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, NamedTuple

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
_LAZY = re.compile(r"^\S+ +\S+ +0x\w+ (?P<library>.+?) +(?P<name>\S+)$", re.MULTILINE)
_WEAK = re.compile(r"\(undefined\) weak .*?external (\S+) ")
_TABLE = re.compile(r"^(Exports trie|Bind table|Lazy bind table|Weak bind table):$", re.MULTILINE)
_OPTIONS = (
    "--private-headers", "--chained-fixups", "--bind", "--lazy-bind", "--weak-bind",
    "--exports-trie",
)  # fmt: skip
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


class Tools(NamedTuple):
    """LLVM's programs, by path."""

    objdump: str
    nm: str


def tools(folder: Path | None) -> Tools | None:
    """Those of version 19, of a folder or of PATH; None when one is missing."""
    found = [shutil.which(name, path=folder) for name in ("llvm-objdump-19", "llvm-nm-19")]
    return Tools(*filter(None, found)) if all(found) else None


def facts(path: Path, *, tools: Tools, arch: str) -> Facts:
    """Those of one architecture."""
    said = _run(tools.objdump, "--macho", f"--arch={arch}", *_OPTIONS, str(path))
    _, *commands = _COMMAND.split(said)
    commands[-1], *tables = _TABLE.split(commands[-1])
    named = dict(zip(tables[::2], tables[1::2], strict=True))
    headers = [dict(_FIELD.findall(each)) for each in commands]
    dependencies = tuple(
        (each["name"], _KINDS[each["cmd"]]) for each in headers if each["cmd"] in _KINDS
    )
    builds = [
        each for each in headers if each["cmd"].startswith(("LC_VERSION_MIN", "LC_BUILD_VERSION"))
    ]
    weak = frozenset(_WEAK.findall(_run(tools.nm, "-m", "-u", f"--arch={arch}", str(path))))
    imports = [*_chained(said, dependencies), *_bound(named, dependencies, weak)]
    return Facts(
        arch=arch,
        dependencies=dependencies,
        run_paths=tuple(each["path"] for each in headers if each["cmd"] == "LC_RPATH"),
        minimum_os=tuple(each.get("minos") or each["version"] for each in builds),
        sdk=tuple(each["sdk"] for each in builds),
        imports=frozenset(each for each in imports if each[1] != _SHARED_LOOKUP),
        shared=frozenset(name for name, where, _ in imports if where == _SHARED_LOOKUP),
        exports=frozenset(_EXPORT.findall(named["Exports trie"])),
    )


def _run(*argv: str) -> str:
    return command.run(argv, timeout_s=600).stdout


def _chained(
    said: str, dependencies: tuple[tuple[str, str], ...]
) -> Iterator[tuple[str, str, bool]]:
    for ordinal, weak, name in _CHAINED.findall(said):
        where = int(ordinal) if int(ordinal) < _FIRST_SPECIAL else int(ordinal) - 256
        shared = where == _WEAK_LOOKUP
        yield name, _SHARED_LOOKUP if shared else library(where, dependencies), weak == "1"


def _bound(
    tables: dict[str, str], dependencies: tuple[tuple[str, str], ...], weak: frozenset[str]
) -> Iterator[tuple[str, str, bool]]:
    """Of bind opcodes; the table of lazy binds leaves out the flag, so the symbol table tells."""
    for found in _BIND.finditer(tables["Bind table"]):
        yield found["name"], _long(found["library"], dependencies), bool(found["weak"])
    for found in _LAZY.finditer(tables["Lazy bind table"]):
        yield found["name"], _long(found["library"], dependencies), found["name"] in weak
    for found in _SHARED.finditer(tables["Weak bind table"]):
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
