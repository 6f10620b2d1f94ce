"""Keeps a file of metrics up to date, as Prometheus' collector of text files reads it."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final

from engine_ci.engine import measuring, prometheus
from engine_ci.engine.repeating import repeated
from engine_ci.errors import OutsideError
from engine_ci.system import documents

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from engine_ci.engine.ready_engine import Engine
    from engine_ci.engine.runtime import Runtime

_EVERY_S: Final = 5.0


@contextmanager
def kept(
    path: Path, runtime: Runtime[Engine], *, name: str, every_s: float = _EVERY_S
) -> Iterator[None]:
    """Keeps it up to date while the block runs.

    Args:
        path: replaced as a whole, every few seconds and at the end.
        runtime: what is measured.
        name: of the engine, as a label.
        every_s: seconds between two of them.

    Raises:
        OutsideError: it cannot be written at first; later the next one is tried.
    """

    def write() -> None:
        documents.write(path, prometheus.text({name: measuring.now(runtime)}))

    def try_to_write() -> None:
        with suppress(OutsideError):
            write()

    write()
    try:
        with repeated(try_to_write, every_s=every_s, name=f"{name} metrics"):
            yield
    finally:
        try_to_write()
