"""How a `llama-server` is launched: which program, and which of its flags."""

from __future__ import annotations

import re
import tempfile
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from engine_ci.engine import log as logs
from engine_ci.engine import model_file, spawn_gate
from engine_ci.engine import process as processes
from engine_ci.engine.adapters import options
from engine_ci.engine.adapters.contract import CPU, Capability, Command, Prepared, Refused
from engine_ci.engine.adapters.served import Served
from engine_ci.errors import EngineStartError, RecordError, UsageError
from engine_ci.records.bundle import RECORD, Bundle
from engine_ci.system.documents import load_json
from engine_ci.system.http import HOST

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from engine_ci.engine.adapters.settings import Settings

_HELP_TIMEOUT_S = 30.0
_HELP_BYTES = 1 << 20
# A line of `--list-devices`, but for a CPU: `  CUDA0: NVIDIA H200 (143771 MiB, 143120 MiB free)`.
_DEVICE = re.compile(r"^ +([A-Za-z]+)\d*: ", re.MULTILINE)
_RENAMED = {"mtl": "metal"}


class LlamaServer(Served):
    """One `llama-server` program.

    Attributes:
        name: of the kind.
        offers: the option that makes an engine of this kind capable of something.
        program: what is started.
    """

    name = "llama-server"
    offers: Mapping[Capability, str] = {
        Capability.EMBEDDINGS: options.EMBEDDINGS,
        Capability.METRICS: options.METRICS,
        Capability.MULTI_SLOT: options.SLOTS,
        Capability.SLOT_ERASE: options.SLOT_FILES,
        Capability.SLOTS: "--slots",
    }

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
            self._flags = options.offered(self._said("--help"))
            if not self._flags:
                raise EngineStartError(f"`{self.program} --help` lists no option")
        return self._flags

    def command(self, model: Path, *, settings: Settings) -> Prepared:
        """A start with arguments that make runs comparable; what this program lacks is left out."""
        return Prepared(
            program=self.program,
            arguments=partial(self._comparable, model, settings),
            model=model,
            task=settings.task,
            settings=settings,
        )

    def app_command(self, argv: Sequence[str], *, model: Path) -> Command:
        """A start with the app's own arguments, `{model}` and `{port}` filled in, on loopback."""
        return Command(
            program=self.program,
            arguments=partial(self._apps, argv, model),
            model=model,
            task=options.task(argv),
        )

    def refusal(self, model: Path) -> str | None:
        """As the contract says."""
        return spawn_gate.refusal(self.program, model)

    def prepare(self, model: Path, *, settings: Settings) -> Prepared | Refused:
        """As the contract says."""
        reason = self.refusal(model) or self._lacks(settings)
        return Refused(reason=reason) if reason else self.command(model, settings=settings)

    def supports(
        self,
        model: Path,
        *,
        features: AbstractSet[Capability] = frozenset(),
        context: int = 0,
        accelerator: str = CPU,
    ) -> tuple[str, ...]:
        """As the contract says."""
        known, trained = self.flags(), model_file.context_length(model)
        reasons = [
            f"{feature}: this build has no option `{self.offers[feature]}`"
            for feature in sorted(features & self.offers.keys())
            if self.offers[feature] not in known
        ]
        if trained is not None and context > trained:
            reasons.append(f"context: {context} tokens, and the model was trained for {trained}")
        if accelerator != CPU and accelerator not in (found := self.accelerators()):
            listed = ", ".join(sorted(found)) or "none"
            reasons.append(f"accelerator: no device for {accelerator}, found {listed}")
        return tuple(reasons)

    def accelerators(self) -> frozenset[str]:
        """The kinds of devices other than a CPU that it finds on this machine, such as `cuda`.

        Raises:
            EngineStartError: the program cannot even say.
        """
        if options.DEVICES not in self.flags():
            return frozenset()
        kinds = {kind.lower() for kind in _DEVICE.findall(self._said(options.DEVICES))}
        return frozenset(_RENAMED.get(kind, kind) for kind in kinds - {CPU})

    def _comparable(self, model: Path, settings: Settings, port: int) -> tuple[str, ...]:
        offered = self.flags()
        chosen = [
            argument
            for option in options.chosen(settings)
            if option[0] in offered
            for argument in option
        ]
        return (*self._before, *_place(model, port), *chosen, *settings.extra)

    def _apps(self, argv: Sequence[str], model: Path, port: int) -> tuple[str, ...]:
        places = {"{model}": str(model.absolute()), "{port}": str(port)}
        filled = [places.get(argument, argument) for argument in argv]
        # Of an option that is given twice, llama.cpp takes the last.
        host = () if ("--host", HOST) in pairwise(filled) else ("--host", HOST)
        return (*self._before, *filled, *host)

    def _said(self, option: str) -> str:
        return _said([str(self.program.absolute()), *self._before, option])

    def _lacks(self, settings: Settings) -> str | None:
        try:
            known = self.flags()
        except EngineStartError as problem:
            return problem.message
        if unknown := options.unknown(settings.extra, known):
            return f"this build has no option {', '.join(unknown)}"
        lacking = [what for name, what in options.needed(settings).items() if name not in known]
        return f"this build cannot do {', '.join(lacking)}" if lacking else None


def _place(model: Path, port: int) -> tuple[str, ...]:
    return ("-m", str(model.absolute()), "--host", HOST, "--port", str(port))


def _said(asked: Sequence[str]) -> str:
    """What a program prints that tells and ends, started with the same care as a server."""
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
