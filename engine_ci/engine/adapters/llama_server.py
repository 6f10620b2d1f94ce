"""How a `llama-server` is launched: which program, and which of its flags."""

from __future__ import annotations

import re
import tempfile
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from engine_ci.engine import log as logs
from engine_ci.engine import process as processes
from engine_ci.errors import EngineStartError, RecordError, UsageError
from engine_ci.records.bundle import RECORD, Bundle
from engine_ci.system.documents import load_json
from engine_ci.system.http import HOST

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

SLOT_FILES = "--slot-save-path"
SHIFTS = "--context-shift"
_HELP_TIMEOUT_S = 30.0
_HELP_BYTES = 1 << 20
# The names of one option, at the start of a line of `--help`: `-t,    --threads N      number of`.
_OPTION = re.compile(r"^ {0,2}(--?[A-Za-z][\w-]*(?:, *--?[A-Za-z][\w-]*)*)", re.MULTILINE)


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """The harness's own settings of one launch.

    Attributes:
        context: tokens of context, shared by the slots.
        threads: for generation and for batches; one is enough for correctness and never spins.
        strict: no flash attention and an F32 cache: builds and thread counts agree to the bit.
        flash: flash attention, whatever the build would choose; not together with `strict`.
        batch, part: tokens of a prompt that are decoded at a time, in parts that are computed at a
            time.
        slots: requests that are worked on at the same time.
        shared: the slots share the context as they need it; otherwise each has its part.
        embeddings: the engine makes vectors of texts, and nothing else.
        slot_files: the engine may save what a slot has cached, in the folder that it runs in.
        shifts: when its context is full, the engine forgets the middle and goes on.
        extra: arguments appended as they are.
    """

    context: int = 2048
    threads: int = 1
    strict: bool = False
    flash: bool = False
    batch: int = 512
    part: int = 512
    slots: int = 1
    shared: bool = False
    embeddings: bool = False
    slot_files: bool = False
    shifts: bool = False
    extra: tuple[str, ...] = ()


class LlamaServer:
    """One `llama-server` program."""

    name = "llama-server"

    def __init__(self, program: Path, *, before: tuple[str, ...] = ()) -> None:
        """`before` are arguments that come before all others, whatever is asked of the program."""
        self.program = program
        self._before = before
        self._flags: frozenset[str] | None = None

    @classmethod
    def in_folder(cls, folder: Path) -> LlamaServer:
        """The server that `bundle.json` names, else the one `llama-server` below `folder`.

        Raises:
            UsageError: there is none, there are several, or the bundle is of another kind.
            RecordError: `bundle.json` does not fit.
        """
        record = folder / RECORD
        if record.is_file():
            bundle = load_json(record, Bundle, error=RecordError)
            if bundle.adapter != cls.name:
                raise UsageError(f"{record}: expected adapter {cls.name}, found {bundle.adapter}")
            return cls(folder / bundle.server)
        found = sorted(path for path in folder.rglob(cls.name) if path.is_file())
        if len(found) != 1:
            listed = ", ".join(str(path) for path in found) or "none"
            raise UsageError(
                f"{folder}: expected one `{cls.name}` at any depth, found {listed}",
                hint="name the folder of a bundle, or one that holds a single server",
            )
        return cls(found[0])

    def flags(self) -> frozenset[str]:
        """Every name of every option that `--help` lists, such as `-m` and `--model`.

        Raises:
            EngineStartError: the program cannot even say what it offers.
        """
        if self._flags is None:
            asked = [str(self.program.absolute()), *self._before, "--help"]
            self._flags = _offered(_help(asked))
            if not self._flags:
                raise EngineStartError(f"`{' '.join(asked)}` lists no option")
        return self._flags

    def arguments(self, *, model: Path, port: int, settings: Settings) -> tuple[str, ...]:
        """Arguments that make runs comparable; options that this program lacks are left out."""
        offered = self.flags()
        chosen = [
            argument for option in _options(settings) if option[0] in offered for argument in option
        ]
        return (*self._before, *_place(model, port), *chosen, *settings.extra)

    def app_arguments(self, argv: Sequence[str], *, model: Path, port: int) -> tuple[str, ...]:
        """The app's own arguments with `{model}` and `{port}` filled in, on loopback."""
        places = {"{model}": str(model.absolute()), "{port}": str(port)}
        filled = [places.get(argument, argument) for argument in argv]
        # Of an option that is given twice, llama.cpp takes the last.
        host = () if ("--host", HOST) in pairwise(filled) else ("--host", HOST)
        return (*self._before, *filled, *host)


def _place(model: Path, port: int) -> tuple[str, ...]:
    return ("-m", str(model.absolute()), "--host", HOST, "--port", str(port))


def _options(settings: Settings) -> Iterator[tuple[str, ...]]:
    """What a build would otherwise choose by itself: by memory, cores, habit of the day."""
    yield "-c", str(settings.context)
    yield "-t", str(settings.threads)
    yield "-tb", str(settings.threads)
    yield "--parallel", str(settings.slots)
    yield "-b", str(settings.batch)
    yield "-ub", str(settings.part)
    yield "--fit", "off"
    yield "--cache-ram", "0"
    if settings.shared:
        yield ("--kv-unified",)
    if settings.embeddings:
        yield ("--embeddings",)
    if settings.slot_files:
        yield SLOT_FILES, "."
    if settings.shifts:
        yield (SHIFTS,)
    yield ("--jinja",)
    yield ("--offline",)
    yield ("--no-ui",)
    yield ("--no-webui",)
    if settings.strict:
        yield "-fa", "off"
        yield "-ctk", "f32"
        yield "-ctv", "f32"
    if settings.flash:
        yield "-fa", "on"


def _help(asked: Sequence[str]) -> str:
    """What a program prints that is asked for its help, started with the same care as a server."""
    with tempfile.TemporaryDirectory(prefix="engine-help-") as folder:
        home, log = Path(folder), Path(folder) / "help"
        process = processes.start(asked, cwd=home, env=processes.environment(home), log=log)
        in_time = process.ended(within_s=_HELP_TIMEOUT_S)
        stopped = process.stop(grace_s=0.0)
        if not in_time or stopped.status != 0:
            how = str(stopped) if in_time else f"did not end within {_HELP_TIMEOUT_S:g} s"
            raise EngineStartError(
                f"`{' '.join(asked)}` {how}", log=logs.tail(log, lines=20), status=stopped.status
            )
        with log.open("rb") as stream:
            return stream.read(_HELP_BYTES).decode(errors="replace")


def _offered(text: str) -> frozenset[str]:
    return frozenset(name.strip() for names in _OPTION.findall(text) for name in names.split(","))
