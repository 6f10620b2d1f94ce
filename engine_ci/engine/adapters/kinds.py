"""The kinds of engines that can be launched: what all of them offer, and which there are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from engine_ci.engine.adapters.contract import Adapter
from engine_ci.engine.adapters.llama_cpp_python import LlamaCppPython
from engine_ci.engine.adapters.llama_server import LlamaServer
from engine_ci.engine.adapters.xllamacpp import Xllamacpp
from engine_ci.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from engine_ci.engine.adapters.contract import Command, Prepared
    from engine_ci.engine.adapters.settings import Settings


class Server(Adapter, Protocol):
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

    def command(self, model: Path, *, settings: Settings) -> Prepared:
        """A start with arguments that make runs comparable; options that it lacks are left out.

        Unlike `prepare` it looks at nothing.
        """

    def app_command(self, argv: Sequence[str], *, model: Path) -> Command:
        """A start with the app's own arguments, on loopback; looks at nothing either."""


DEFAULT: Final = LlamaServer.name

KINDS: Final[tuple[type[LlamaServer], ...]] = (
    LlamaServer,
    Xllamacpp,
    LlamaCppPython,
)


def server_in(folder: Path, *, adapter: str) -> Server:
    """The engine of that kind in a folder.

    Raises:
        UsageError: there is no such kind, or none such engine.
        RecordError: the folder is a bundle that cannot be read.
    """
    known = {kind.name: kind for kind in KINDS}
    if adapter not in known:
        raise UsageError(f"there is no adapter `{adapter}`", hint=f"there are {', '.join(known)}")
    return known[adapter].in_folder(folder)
