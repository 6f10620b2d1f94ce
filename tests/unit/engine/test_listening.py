from __future__ import annotations

import os
import socket
import subprocess
import sys
from contextlib import closing
from types import SimpleNamespace
from typing import TYPE_CHECKING

import psutil
import pytest

from engine_ci.engine.listening import listens, strangers

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


def test_a_process_that_ends_meanwhile_has_no_socket(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def gone(*_: object) -> None:
        raise psutil.NoSuchProcess(1)

    monkeypatch.setattr(psutil.Process, "net_connections", gone)

    assert not listens(os.getpid(), port=1, proc=tmp_path)
    assert strangers(os.getpid()) == ()


def test_nobody_listens_on_a_port_of_which_there_are_connections_alone(proc: Path) -> None:
    assert not listed(proc, row(PORT, state="01", inode=7))
    assert not listed(proc, row(PORT + 1, state="0A", inode=7))
    assert not listed(proc, row(PORT, state="0A", inode=8))


def test_one_of_several_that_listen_on_the_port_may_be_its_own(proc: Path) -> None:
    rows = (row(PORT, state="0A", inode=8), row(PORT, state="0A", inode=9))

    assert listed(proc, *rows)


def test_what_comes_behind_those_that_listen_is_not_read(proc: Path) -> None:
    assert listed(proc, row(PORT, state="0A", inode=7), row(PORT, state="06", inode=0), "garbage")


def test_who_stays_on_this_machine_speaks_with_no_stranger(listener: socket.socket) -> None:
    with closing(socket.create_connection(listener.getsockname())):
        assert strangers(os.getpid()) == ()


@pytest.mark.parametrize(("host", "shown"), [("0.0.0.0", "0.0.0.0"), ("::", "::")])  # noqa: S104 - nobody connects
def test_who_listens_to_everybody_is_told(host: str, shown: str) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with closing(socket.create_server((host, 0), family=family)) as server:
        port = port_of(server)
        assert strangers(os.getpid()) == (f"listens on {shown} port {port}",)
    assert strangers(os.getpid()) == ()


def test_who_speaks_with_another_machine_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    spoken = SimpleNamespace(laddr=("198.51.100.7", 50000), raddr=("192.0.2.1", 443))
    monkeypatch.setattr(psutil.Process, "net_connections", lambda *_: [spoken])

    assert strangers(os.getpid()) == ("speaks with 192.0.2.1 port 443",)


def test_what_a_descendant_does_counts_and_who_is_gone_speaks_with_nobody() -> None:
    listens_everywhere = (
        "import socket, sys; server = socket.create_server(('0.0.0.0', 0)); "
        "print(server.getsockname()[1], flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", listens_everywhere], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        assert child.stdout is not None
        port = int(child.stdout.readline())
        assert strangers(os.getpid()) == (f"listens on 0.0.0.0 port {port}",)
        child.communicate()
    assert strangers(child.pid) == ()
