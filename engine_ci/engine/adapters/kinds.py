"""The kinds of engines that can be launched: what all of them offer, and which there are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from engine_ci.engine.adapters.llama_server import LlamaServer
from engine_ci.engine.adapters.xllamacpp import Xllamacpp
from engine_ci.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from engine_ci.engine.adapters.llama_server import Settings


class Server(Protocol):
    """One program that serves a model over llama-server's HTTP API, and ends on SIGTERM.

    Attributes:
        name: of its kind, as a pin calls it.
        program: what is started, with one of the two kinds of arguments.
    """

    name: str
    program: Path

    def flags(self) -> frozenset[str]:
        """Every name of every option that it takes, as llama-server calls them.

        Raises:
            EngineStartError: it cannot even say.
        """

    def arguments(self, *, model: Path, port: int, settings: Settings) -> tuple[str, ...]:
        """Arguments that make runs comparable; options that it lacks are left out."""

    def app_arguments(self, argv: Sequence[str], *, model: Path, port: int) -> tuple[str, ...]:
        """The app's own arguments, on loopback, with that model and port."""


DEFAULT: Final = LlamaServer.name

_FINDERS: Final[Mapping[str, Callable[[Path], Server]]] = {
    kind.name: kind.in_folder for kind in (LlamaServer, Xllamacpp)
}


def server_in(folder: Path, *, adapter: str) -> Server:
    """The engine of that kind in a folder.

    Raises:
        UsageError: there is no such kind, or none such engine.
        RecordError: the folder is a bundle that cannot be read.
    """
    if adapter not in _FINDERS:
        raise UsageError(
            f"there is no adapter `{adapter}`", hint=f"there are {', '.join(_FINDERS)}"
        )
    return _FINDERS[adapter](folder)
