"""`docs/hardware.md`, from what `python -m benchmarks.hardware measure` left."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

from engine_ci.errors import RecordError
from engine_ci.records.gate import CheckId, Status, Verdict
from engine_ci.system import documents
from engine_ci.system.documents import Document

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

RESULTS: Final = Path(__file__).with_name("hardware")
PAGE: Final = Path(__file__).parents[1] / "docs" / "hardware.md"
PLACEMENT: Final = "placement"
TITLES: Final = {
    "native": "x86-64",
    "aarch64": "AArch64 under qemu-user",
    "vulkan": "Vulkan on lavapipe",
    "vulkan-itself": "Vulkan beside itself",
}
# What the baseline computes on too; that of the others is x86-64.
BESIDE_ITSELF: Final = ("native", "vulkan-itself")
# By the names of their checks. Strict mode, strict mode, default flags.
COMPARISONS: Final = {
    "reference": "to the reference",
    "baseline-strict": "to x86-64, strict mode",
    "baseline-app": "to x86-64, the app's arguments",
}
_NUMBER: Final = re.compile(r"\d\.\de[-+]\d+")


class Finding(Document):
    """What came of one check."""

    id: CheckId
    status: Status
    observed: str
    detail: str


class Asked(Document):
    """What the gate said of one suite.

    Attributes:
        longest: tokens of the longest prompt that was asked; None, and none was left out.
    """

    host: str
    longest: int | None
    verdict: Verdict
    seconds: float
    checks: tuple[Finding, ...]


class Placement(Document):
    """Where a model is computed.

    Attributes:
        offloaded: how many of its layers are on a GPU, and of how many.
        splits: parts of its graph that are computed on one device each.
        amiss: why the engine did not start.
    """

    model: str
    device: str = ""
    offloaded: tuple[int, int] | None = None
    splits: int | None = None
    amiss: str = ""


class Placements(Document):
    """Of every model."""

    models: tuple[Placement, ...]


class Distance(Document):
    """From one answer to another, in nats; what is None was not kept."""

    median: float | None = None
    mean: float | None = None
    largest: float


class Distances(Document):
    """What `benchmarks/hardware_distances.py` found of one model.

    Attributes:
        multiplies_in_f16: whether Vulkan was left to do so; None on processors.
        reference: the engine against the goldens; `status` is what the gate says of that.
        unrounded: the engine against the reference without rounding of activations.
        rounding: the one reference against the other.
    """

    hardware: str
    multiplies_in_f16: bool | None
    longest: int
    model: str
    cases: int
    status: Status
    reference: Distance
    unrounded: Distance
    rounding: Distance


def render(introduction: str, *, suites: Sequence[str]) -> str:
    """The page; `suites` are those that could have been asked."""
    found = {name: load(name) for name in TITLES}
    lines = [
        introduction.rstrip(),
        *_suites(found, suites),
        *_not_passed(found),
        *_from_mathematics(),
        *_distances(found),
        *_placements(),
    ]
    return "\n".join(lines) + "\n"


def _from_mathematics() -> Iterator[str]:
    yield from ("", "## From mathematics, model by model", "")
    yield "`python -m benchmarks.hardware_distances`, on the hardware itself, without flash"
    yield "attention, with a cache of F32: median and mean, as far as they were kept. A case is a"
    yield "prompt; *rounded* is the golden, *unrounded* the same mathematics with activations as"
    yield "they are, *apart* how far these two are from each other. *The gate* is what its limits"
    yield "for processors would say."
    yield ""
    yield from _header(
        ["hardware", "model", "cases", "from rounded", "the gate", "from unrounded", "apart"]
    )
    path = RESULTS / "distances.jsonl"
    for line in path.read_text(encoding="utf-8").splitlines():
        row = Distances.model_validate_json(line)
        exact = " without F16" if row.multiplies_in_f16 is False else ""
        yield _row(
            [
                f"{TITLES[row.hardware]}{exact}",
                f"`{row.model}`",
                f"{row.cases}, up to {row.longest} tokens",
                _middle(row.reference),
                row.status,
                _middle(row.unrounded),
                _middle(row.rounding),
            ]
        )


def _middle(distance: Distance) -> str:
    known = (value for value in (distance.median, distance.mean) if value is not None)
    return ", ".join(f"{value:.1e}" for value in known)


def load(hardware: str) -> dict[str, Asked]:
    """What there is of one hardware, by suite."""
    return {
        path.stem: documents.load_json(path, Asked, error=RecordError)
        for path in sorted((RESULTS / hardware).glob("*.json"))
        if path.stem != PLACEMENT
    }


def _suites(found: Mapping[str, Mapping[str, Asked]], suites: Iterable[str]) -> Iterator[str]:
    yield from ("", "## Suites", "")
    yield from _header(["suite", *(TITLES[name] for name in found)])
    for suite in suites:
        yield _row([suite, *(_counted(of.get(suite)) for of in found.values())])


def _counted(asked: Asked | None) -> str:
    if asked is None:
        return "not asked"
    statuses = [check.status for check in asked.checks]
    counts = [(statuses.count(status), status) for status in Status if status in statuses]
    short = f"; prompts up to {asked.longest}" if asked.longest else ""
    return ", ".join(f"{count} {status}" for count, status in counts) + short


def _distances(found: Mapping[str, Mapping[str, Asked]]) -> Iterator[str]:
    drift = {name: of["drift"] for name, of in found.items() if "drift" in of}
    for name, title in COMPARISONS.items():
        by_model: dict[str, dict[str, str]] = {}
        for hardware, asked in drift.items():
            for check in asked.checks:
                if check.id.endswith(f"/{name}"):
                    by_model.setdefault(check.id.split("/")[1], {})[hardware] = _moved(check)
        skipped = () if name == "reference" else BESIDE_ITSELF
        shown = [hardware for hardware in drift if hardware not in skipped]
        yield from ("", f"### Log-probabilities, {title}", "")
        yield from _header(["model", *(TITLES[hardware] for hardware in shown)])
        for model, cells in by_model.items():
            yield _row([f"`{model}`", *(cells.get(hardware, "") for hardware in shown)])


def _moved(check: Finding) -> str:
    """The numbers that were judged, and what they mean where they do not pass."""
    judged = check.observed.split(" nats", maxsplit=1)[0]
    numbers = ", ".join(_NUMBER.findall(judged)) or check.observed
    return numbers if check.status is Status.PASS else f"{numbers} ({check.status})"


def _placements() -> Iterator[str]:
    path = RESULTS / "vulkan" / f"{PLACEMENT}.json"
    if not path.exists():
        return
    yield from ("", "## Where Vulkan computes", "")
    yield from _header(["model", "layers on the device", "parts of the graph"])
    for model in documents.load_json(path, Placements, error=RecordError).models:
        layers = "{} of {}".format(*model.offloaded) if model.offloaded else "unknown"
        yield _row([f"`{model.model}`", model.amiss or layers, str(model.splits or "unknown")])


def _not_passed(found: Mapping[str, Mapping[str, Asked]]) -> Iterator[str]:
    yield from ("", "## What did not pass, and was not skipped", "")
    yield from _header(["hardware", "check", "status", "observed"])
    for hardware, of in found.items():
        for asked in of.values():
            for check in asked.checks:
                if check.status not in (Status.PASS, Status.SKIP):
                    told = " ".join(check.observed.split()).replace("|", "\\|")
                    yield _row([TITLES[hardware], f"`{check.id}`", check.status, told])


def _header(cells: Sequence[str]) -> Iterator[str]:
    yield _row(cells)
    yield _row(["---"] * len(cells))


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"
