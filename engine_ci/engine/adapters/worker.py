"""Engines that are Python packages: a worker of ours runs each in a Python of its own.

A crash of the package's native code ends that process, and is an event like any other end.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import ClassVar, Self

from engine_ci.engine.adapters.llama_server import LlamaServer
from engine_ci.errors import UsageError

# No variable, folder or package of ours is seen, and nothing is written beside the package's files.
_ALONE = ("-I", "-S", "-B")


class Worker(LlamaServer):
    """A folder with a package, and a worker that takes llama-server's options.

    Attributes:
        package: the name that is imported.
        script: the worker.
    """

    package: ClassVar[str]
    script: ClassVar[str]

    def __init__(self, folder: Path) -> None:
        """`folder` holds the package, and what that needs."""
        before = (*_ALONE, self.script, str(folder.absolute()))
        super().__init__(Path(sys.executable), before=before)
        self._folder = folder

    @classmethod
    def in_folder(cls, folder: Path) -> Self:
        """The package that was unpacked or installed into `folder`.

        Raises:
            UsageError: there is no such package in it.
        """
        server = cls(folder)
        if reason := server._missing():
            raise UsageError(reason, hint="name the folder that the package was unpacked into")
        return server

    def refusal(self, model: Path) -> str | None:
        """As the contract says."""
        return self._missing() or super().refusal(model)

    def _missing(self) -> str | None:
        if (self._folder / self.package / "__init__.py").is_file():
            return None
        wanted = f"a folder `{self.package}` with a Python package"
        return f"{self._folder}: expected {wanted}, found none"
