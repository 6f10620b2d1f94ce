"""How the HTTP server inside a `xllamacpp` wheel is launched: in a Python of its own."""

from __future__ import annotations

import sys
from pathlib import Path

from engine_ci.engine.adapters import xllamacpp_worker as worker
from engine_ci.engine.adapters.llama_server import LlamaServer
from engine_ci.errors import UsageError

# No variable, folder or package of ours is seen, and nothing is written beside the wheel's files.
_ALONE = ("-I", "-S", "-B")


class Xllamacpp(LlamaServer):
    """One unpacked wheel. The worker that runs it takes llama-server's options."""

    name = "xllamacpp"

    def __init__(self, folder: Path) -> None:
        """`folder` holds the package `xllamacpp`."""
        super().__init__(
            Path(sys.executable), before=(*_ALONE, worker.__file__, str(folder.absolute()))
        )

    @classmethod
    def in_folder(cls, folder: Path) -> Xllamacpp:
        """The wheel that was unpacked into `folder`.

        Raises:
            UsageError: there is no such package in it.
        """
        if not (folder / cls.name / "__init__.py").is_file():
            raise UsageError(
                f"{folder}: expected a folder `{cls.name}` with a Python package, found none",
                hint="name the folder that the wheel was unpacked into",
            )
        return cls(folder)
