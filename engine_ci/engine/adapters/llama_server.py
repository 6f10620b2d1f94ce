"""How a `llama-server` is launched: which program, and which of its flags."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """The harness's own settings of one launch.

    Attributes:
        context: tokens of context.
        threads: for generation and for batches; one is enough for correctness and never spins.
        strict: no flash attention and an F32 cache: builds and thread counts agree to the bit.
        slots: requests that are worked on at the same time.
        extra: appended as they are.
    """

    context: int = 2048
    threads: int = 1
    strict: bool = False
    slots: int = 1
    extra: tuple[str, ...] = ()


class LlamaServer:
    """One `llama-server` program."""

    name = "llama-server"

    def __init__(self, program: Path) -> None:
        self.program = program

    @classmethod
    def in_folder(cls, folder: Path) -> LlamaServer:
        """The server of a bundle, or the one `llama-server` below any other folder."""
        raise NotImplementedError

    def flags(self) -> frozenset[str]:
        """Every flag that `--help` lists."""
        raise NotImplementedError

    def arguments(self, *, model: Path, port: int, settings: Settings) -> tuple[str, ...]:
        """The arguments of a launch."""
        raise NotImplementedError

    def app_arguments(self, argv: Sequence[str], *, model: Path, port: int) -> tuple[str, ...]:
        """The app's own arguments with `{model}` and `{port}` filled in."""
        raise NotImplementedError
