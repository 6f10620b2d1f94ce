from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from engine_ci.engine import cpuinfo
from engine_ci.engine.instructions import explanation, missing
from engine_ci.engine.process import Stopped

if TYPE_CHECKING:
    from pathlib import Path

INFO = (
    "system_info: n_threads = 2 / 2 | CPU : SSE3 = 1 | AVX_VNNI = 1 | AMX_INT8 = 1 | OPENMP = 1 |"
)
AMX = "AMX is not ready to be used!"
HAS = frozenset({"pni", "avx"})
ILLEGAL = Stopped(status=None, signal="SIGILL", killed=False, seconds=0)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "log"


@pytest.mark.parametrize(
    ("lines", "has", "names"),
    [
        pytest.param([INFO], HAS, ("amx_int8", "avx_vnni"), id="told"),
        pytest.param([INFO], HAS | {"amx_int8", "avx_vnni"}, (), id="all-there"),
        pytest.param([INFO], None, (), id="an-unknown-processor"),
        pytest.param(["loading", AMX], HAS, ("amx",), id="amx"),
        pytest.param(["loading"], HAS, (), id="not-told"),
    ],
)
def test_what_a_build_has_and_a_processor_lacks_is_named(
    log: Path, lines: list[str], has: frozenset[str] | None, names: tuple[str, ...]
) -> None:
    log.write_text("\n".join(lines))

    assert missing(log, has=has) == names


def test_an_illegal_instruction_is_explained_by_name(
    log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cpuinfo, "features", lambda: HAS)
    log.write_text(INFO)

    assert explanation(ILLEGAL, log=log) == (
        "; it was built for amx_int8, avx_vnni, which this machine lacks"
    )


@pytest.mark.parametrize(("signal", "said"), [("SIGSEGV", AMX), (None, AMX), ("SIGILL", "hello")])
def test_nothing_is_said_of_another_end_or_without_a_name(
    log: Path, signal: str | None, said: str
) -> None:
    log.write_text(said)

    assert explanation(Stopped(status=1, signal=signal, killed=False, seconds=0), log=log) == ""
