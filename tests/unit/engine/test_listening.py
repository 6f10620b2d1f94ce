from __future__ import annotations

import os
import socket
import subprocess
import sys
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from engine_ci.engine.listening import listens

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HEADER = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid"
PORT = 36554  # 8ECA


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with closing(socket.create_server(("127.0.0.1", 0))) as found:
        yield found


def port_of(found: socket.socket) -> int:
    port: int = found.getsockname()[1]
    return port


@pytest.fixture
def proc(tmp_path: Path) -> Path:
    """Linux's view of this process, which holds the sockets 7 and 9."""
    folder = tmp_path / str(os.getpid()) / "fd"
    folder.mkdir(parents=True)
    for number, target in enumerate(("/dev/null", "socket:[7]", "socket:[9]")):
        (folder / str(number)).symlink_to(target)
    (tmp_path / "net").mkdir()
    return tmp_path


def row(port: int, *, state: str, inode: int) -> str:
    rest = "00000000:00000000 00:00000000 00000000     0        0"
    return f"   0: 0100007F:{port:04X} 00000000:0000 {state} {rest} {inode} 1 0000 100 0 0 10 0"


def listed(proc: Path, *rows: str, port: int = PORT) -> bool:
    """What the table of connections says, where psutil knows of nothing."""
    (proc / "net" / "tcp").write_text("\n".join((HEADER, *rows, "")))
    return listens(os.getpid(), port=port, proc=proc)


@pytest.mark.parametrize("told", [True, False], ids=["by-linux", "by-psutil"])
def test_who_listens_is_seen_and_who_does_not_is_not(
    listener: socket.socket, tmp_path: Path, *, told: bool
) -> None:
    proc = {} if told else {"proc": tmp_path}
    with closing(socket.socket()) as other:
        other.bind(("127.0.0.1", 0))

        assert listens(os.getpid(), port=port_of(listener), **proc)
        assert not listens(os.getpid(), port=port_of(other), **proc)


@pytest.mark.parametrize("told", [True, False], ids=["by-linux", "by-psutil"])
def test_a_socket_of_somebody_else_is_not_its_own(
    listener: socket.socket, tmp_path: Path, *, told: bool
) -> None:
    proc = {} if told else {"proc": tmp_path}
    idle = [sys.executable, "-c", "input()"]
    with subprocess.Popen(idle, stdin=subprocess.PIPE) as stranger:
        assert not listens(stranger.pid, port=port_of(listener), **proc)


def test_a_process_that_is_gone_listens_nowhere(listener: socket.socket) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()

    assert not listens(gone.pid, port=port_of(listener))


def test_nobody_listens_on_a_port_of_which_there_are_connections_alone(proc: Path) -> None:
    assert not listed(proc, row(PORT, state="01", inode=7))
    assert not listed(proc, row(PORT + 1, state="0A", inode=7))
    assert not listed(proc, row(PORT, state="0A", inode=8))


def test_one_of_several_that_listen_on_the_port_may_be_its_own(proc: Path) -> None:
    rows = (row(PORT, state="0A", inode=8), row(PORT, state="0A", inode=9))

    assert listed(proc, *rows)


def test_what_comes_behind_those_that_listen_is_not_read(proc: Path) -> None:
    assert listed(proc, row(PORT, state="0A", inode=7), row(PORT, state="06", inode=0), "garbage")
