"""Where one run finds its configuration and its pin, and where stages leave their records."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import platformdirs

from engine_ci import config as configuration
from engine_ci.artifact.hashed import Hashed
from engine_ci.errors import UsageError
from engine_ci.pins import store

if TYPE_CHECKING:
    from pathlib import Path

    from engine_ci.artifact.vouching import Vouched
    from engine_ci.config import Config
    from engine_ci.pins.model import Pin, Platform, Version


@dataclass(frozen=True, kw_only=True, slots=True)
class Workspace:
    """One pin of one app.

    Attributes:
        root: the folder of the configuration; paths in it start here.
        pin_file: relative to `root`.
        work: the folder for records and bundles.
        cache: the user's folder for downloads, kept by sha256.
        hashed: of those, what this run has hashed.
        tagged: the commits that upstream's tags named when this run asked; None without a tag.
        vouched: what this run has found out about who vouches for a file.
    """

    config: Config
    root: Path
    pin_file: str
    pin: Pin
    work: Path
    cache: Path
    hashed: Hashed = field(default_factory=Hashed)
    tagged: dict[Version, str | None] = field(default_factory=dict)
    vouched: Vouched = field(default_factory=dict)

    @property
    def upstream(self) -> str | None:
        """The address of llama.cpp's repository; None where it is not to be asked."""
        return self.config.upstream.repository if self.config.upstream else None

    @property
    def candidate_json(self) -> Path:
        """What `detect` leaves for `prepare`."""
        return self.work / "candidate.json"

    @property
    def polls_json(self) -> Path:
        """How the polls of this pin went, which a scheduled run finds again on the next."""
        return self.work / f"polls-{self.pin.name}.json"

    @property
    def candidate(self) -> Path:
        """The bundle of the candidate."""
        return self.work / "candidate"

    def elsewhere(self, platform: Platform, *, of: Literal["baseline", "candidate"]) -> Path:
        """A bundle for another platform than this machine's."""
        return self.work / "elsewhere" / of / platform

    @property
    def baseline(self) -> Path:
        """The bundle of the current pin."""
        return self.work / "baseline"

    def engine_log(self, name: str) -> Path:
        """What `engine run` has an engine of that name write to; several may run at a time."""
        return self.work / f"engine-{name}.log"

    @property
    def running(self) -> Path:
        """The bundle of the current pin that `engine run` starts."""
        return self.work / "running"

    @property
    def gate(self) -> Path:
        """The gate's results and logs."""
        return self.work / "gate"

    @property
    def failed(self) -> Path:
        """The gate's results of the pinned engine itself, where it was refused."""
        return self.work / "failed"

    @property
    def on_main(self) -> Path:
        """What the gate said after the last push to the main branch, where a workflow brings it."""
        return self.work / "main" / "gate"

    @property
    def refused(self) -> Path:
        """The gate's results of candidates that were refused, a folder for each version."""
        return self.work / "refused"


def open_workspace(config: Path, *, pin: str | None, work: Path) -> Workspace:
    """Reads the configuration and the pin.

    Raises:
        ConfigError, PinError: a file is missing or wrong.
        UsageError: no pin, or no clear one, has that name.
    """
    loaded = configuration.load(config)
    root = config.resolve().parent
    pins = {name: store.load(root / name) for name in loaded.pins}
    matching = {name: found for name, found in pins.items() if pin in (None, found.name)}
    if len(matching) != 1:
        names = ", ".join(sorted(found.name for found in pins.values()))
        asked = "no `--pin` was given" if pin is None else f"`--pin {pin}` names none of them"
        raise UsageError(
            f"{config}: which pin is meant? {asked}; there are: {names}",
            hint="choose one with `--pin NAME`",
        )
    ((pin_file, chosen),) = matching.items()
    return Workspace(
        config=loaded,
        root=root,
        pin_file=pin_file,
        pin=chosen,
        work=work,
        cache=platformdirs.user_cache_path("engine-ci"),
    )
