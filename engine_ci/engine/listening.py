"""Does an engine itself listen on a port, and not somebody else? Does it speak with others?"""

from __future__ import annotations

from contextlib import suppress
from ipaddress import ip_address
from itertools import islice, takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Final

import psutil

from engine_ci.engine import usage

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_PROC: Final = Path("/proc")
_LISTENS: Final = "0A"


def listens(pid: int, *, port: int, proc: Path = _PROC) -> bool:
    """Whether a process or one of its descendants listens on `port`.

    Args:
        pid: of the process.
        port: of TCP.
        proc: Linux's, which tells quickly of the process itself; whatever it does not tell is asked
            of psutil.
    """
    return _is_listed(pid, port=port, proc=proc) or _is_found(pid, port=port)


def strangers(pid: int) -> tuple[str, ...]:
    """Addresses beyond this machine that a process or a descendant listens on or speaks with.

    A connection that was over before this was asked is not seen.
    """
    found: set[str] = set()
    for process in usage.family(pid):
        with suppress(psutil.NoSuchProcess):
            for connection in process.net_connections("inet"):
                found.update(_beyond("listens on", connection.laddr, spoken=bool(connection.raddr)))
                found.update(_beyond("speaks with", connection.raddr))
    return tuple(sorted(found))


def _beyond(what: str, end: Sequence[object], *, spoken: bool = False) -> Iterator[str]:
    """An end of a connection that is not on this machine; of one that is spoken over, the other."""
    match end:
        case (str(host), port) if not spoken and not ip_address(host).is_loopback:
            yield f"{what} {host} port {port}"


def _is_listed(pid: int, *, port: int, proc: Path) -> bool:
    with suppress(OSError):
        sockets = set(_sockets(proc / "net" / "tcp", port=port))
        opened = (proc / str(pid) / "fd").iterdir()
        return any(str(link.readlink()) in sockets for link in opened)
    return False


def _sockets(table: Path, *, port: int) -> Iterator[str]:
    """The sockets that listen on a port, as links to them are called.

    The table begins with those that listen; to go through the thousands of connections behind them
    takes longer than all the rest of a start.
    """
    with table.open(encoding="ascii") as lines:
        rows = (line.split() for line in islice(lines, 1, None))
        for _, local, _, _, *others in takewhile(lambda row: row[3] == _LISTENS, rows):
            if local.endswith(f":{port:04X}"):
                yield f"socket:[{others[5]}]"


def _is_found(pid: int, *, port: int) -> bool:
    with suppress(psutil.NoSuchProcess):
        return any(
            connection.status == psutil.CONN_LISTEN and connection.laddr.port == port
            for process in usage.family(pid)
            for connection in process.net_connections("tcp")
        )
    return False
