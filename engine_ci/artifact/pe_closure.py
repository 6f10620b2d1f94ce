"""Pure. Which files Windows takes when a program starts: imports, by name, beside the program."""

from __future__ import annotations

import posixpath
from collections import deque
from typing import TYPE_CHECKING, Final

from engine_ci.artifact.closure import Closure, Missing

if TYPE_CHECKING:
    from collections.abc import Iterable

    from engine_ci.artifact.closure import Images
    from engine_ci.artifact.pe import Image

# Names of sets of functions, which every Windows 10 leads to libraries of its own.
_SETS: Final = ("api-ms-win-",)
# On every Windows 10 and 11.
_SYSTEM: Final = frozenset(
    f"{name}.dll"
    for name in (
        *("advapi32", "avrt", "bcrypt", "bcryptprimitives", "cfgmgr32", "comctl32", "comdlg32"),
        *("crypt32", "d3d11", "d3d12", "dbghelp", "dnsapi", "dwmapi", "dxcore", "dxgi", "gdi32"),
        *("imm32", "iphlpapi", "kernel32", "kernelbase", "mpr", "msvcrt", "mswsock", "ncrypt"),
        *("netapi32", "normaliz", "ntdll", "ole32", "oleaut32", "pdh", "powrprof", "propsys"),
        *("psapi", "rpcrt4", "secur32", "setupapi", "shell32", "shlwapi", "sspicli", "ucrtbase"),
        *("user32", "userenv", "uxtheme", "version", "winhttp", "wininet", "winmm", "wintrust"),
        *("wldap32", "ws2_32", "wsock32", "wtsapi32"),
    )
)
# Of Visual C++, which comes with many programs and not with Windows.
_RUNTIMES: Final = frozenset(
    f"{name}.dll"
    for name in (
        *("concrt140", "msvcp140", "msvcp140_1", "msvcp140_2", "msvcp140_atomic_wait"),
        *("msvcp140_codecvt_ids", "vccorlib140", "vcomp140", "vcruntime140", "vcruntime140_1"),
        "vcruntime140_threads",
    )
)
_WHY_MISSING: Final = "is neither beside the program nor the system's"


def is_system(name: str) -> bool:
    """Whether a library, by its name in lower case, is taken from the system."""
    return name in _SYSTEM | _RUNTIMES or name.startswith(_SETS)


def follow(program: str, backends: Iterable[str], *, images: Images[Image]) -> Closure:
    """Follows what a program imports, and the backends that it loads at run time, breadth first.

    Case does not count in a name. A library that is loaded late may be absent.

    Args:
        program: the path of the server, in whose folder libraries are looked for.
        backends: paths of libraries that it loads by itself.
        images: every image there is, by its path in the archive.
    """
    beside = _beside(program, images)
    queue = deque([program, *backends])
    seen = set(queue)
    why: dict[str, str] = {}
    system: set[str] = set()
    missing: list[Missing] = []
    while queue:
        path = queue.popleft()
        image = images[path]
        for name in (*image.needed, *image.delayed):
            known = name.lower()
            found = beside.get(known)
            if found is not None and found not in seen:
                seen.add(found)
                why[found] = path
                queue.append(found)
            elif found is None and is_system(known):
                system.add(known)
            elif found is None and name in image.needed:
                missing.append(Missing(name=name, needed_by=path, why=_WHY_MISSING))
    return Closure(
        why=why,
        system=frozenset(system),
        missing=tuple(missing),
        borrowed=frozenset(system & _RUNTIMES),
    )


def _beside(program: str, paths: Iterable[str]) -> dict[str, str]:
    """The files in a program's folder, by their names in lower case."""
    folder = posixpath.dirname(program)
    return {
        posixpath.basename(path).lower(): path
        for path in paths
        if posixpath.dirname(path) == folder
    }
