"""What the gate says of engines with an edit that nobody chose.

    python -m benchmarks.gate.mutants COUNT
    python -m benchmarks.gate.mutants again

Goes on where the last call stopped, until COUNT more edits have made another program; adds a line
to `results/mutants.jsonl` for each that was drawn. Of those that the gate passes it is asked
whether anything came to the line at all, by a program that dies there. `again` asks today's gate of
those that one before it passed though it came there. Needs what `benchmarks.gate.planted` needs.
"""

from __future__ import annotations

import resource
import shutil
import sys
import tarfile
import tempfile
import time
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pydantic import BaseModel

from benchmarks.gate import catalogue, engines, mutation
from benchmarks.gate.planted import SEED, as_it_ships, gated
from benchmarks.gate.results import RESULTS, findings, load_lines
from engine_ci.artifact.naming import SERVER
from engine_ci.errors import BuildError
from engine_ci.records.gate import Status, Verdict
from engine_ci.system import documents

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from benchmarks.gate.mutation import Edit
    from benchmarks.gate.results import Finding
    from engine_ci.config import Config
    from engine_ci.records.gate import GateResult

(BUILD,) = catalogue.engines([catalogue.BASE])
FILE: Final = RESULTS / "mutants.jsonl"
# An engine that loses its wits should not take this machine with it: address space, and any file.
LIMITS: Final = {resource.RLIMIT_AS: 16 << 30, resource.RLIMIT_FSIZE: 4 << 30}


class Became(StrEnum):
    """What came of an edit; the first two are no fault."""

    NO_PROGRAM = "does not compile"
    SAME_PROGRAM = "the same program"
    REFUSED = "refused"
    WARNED = "warned of"
    UNDECIDED = "undecided"
    PASSED = "passed"

    @property
    def is_fault(self) -> bool:
        """Whether there is another program to ask about."""
        return self not in (Became.NO_PROGRAM, Became.SAME_PROGRAM)


class Mutant(BaseModel):
    """An edit, and what the gate said of the engine.

    Attributes:
        number: with its area the edit's name, by which `mutation.draw` gives it again.
        line: of the file, from 1.
        classes: of the failed checks, each once.
        checks: the first that did not pass.
        reached: whether anything that the gate asks comes to the line, where it passed; None where
            nobody can tell.
        since: the first checks that refuse it today, where a gate before passed it.
        seconds: of the gate.
    """

    number: int
    area: str
    file: str
    line: int
    before: str
    after: str
    became: Became
    classes: tuple[str, ...] = ()
    checks: tuple[str, ...] = ()
    reached: bool | None = None
    since: tuple[str, ...] = ()
    seconds: float = 0.0


# Of edits that passed though the gate comes to their lines.
NOTES: Final[Mapping[int, str]] = {
    6: "`/v1/messages` began a block of thoughts anew with each piece of a stream; no model that "
    "thinks was asked by that API.",
    10: "No harm: what makes one vector of all adds it to the graph once more.",
    16: "No harm: what is added to the flags is among them.",
    19: "`/props` showed a second template, for tools, where there was none.",
    20: "No harm: where the splitter written by hand finds nothing, the general one splits alike.",
    21: "No harm: counts the memory of backends for the log.",
    31: "No harm: makes room beforehand.",
    33: "No harm: fills what no model of ours has with 0, which it is already.",
    36: "Each piece of a stream told how long it took, which nobody had asked for.",
    44: "No harm: which token ends a line, of which samplers make no use any more.",
    50: "No harm to ours: of models that have a token `<|tool_response>` or `<|plamo:eos|>`.",
    54: "Of one token asked for in each place it was not the likeliest.",
    60: "No harm: a seed for what makes up guesses, which is for tests of upstream's.",
    61: "Of `min_keep` tokens, which nobody asked for, other ones were kept.",
    63: "No harm where nobody guesses: how a batch is split where there are guesses.",
    84: "Of several slots that answer together, with a cache of F16 and without flash attention, "
    "which nobody asked for.",
    88: "In a template, a filter by its short name and with arguments, as in `d('x')`; no template "
    "of ours has one.",
}


def load_all() -> tuple[Mutant, ...]:
    """Every edit that was drawn, in order."""
    return load_lines(FILE, Mutant)


@dataclass(frozen=True, kw_only=True, slots=True)
class Base:
    """What every edit is made of and compared with.

    Attributes:
        root: the source code, as upstream wrote it.
        folder, sha256: of the program that is built of it.
    """

    root: Path
    folder: Path
    sha256: str
    settings: Config


def main(argument: str) -> None:
    """Asks of so many more, or again, and prints a line for each."""
    for limit, most in LIMITS.items():
        resource.setrlimit(limit, (most, most))
    with _base() as base:
        if argument == "again":
            _ask_again(base)
        else:
            _ask_more(int(argument), base)


def _ask_more(count: int, base: Base) -> None:
    mutants = list(load_all())
    while count:
        began = time.monotonic()
        number = len(mutants)
        edit = mutation.draw(next_area(mutants), number, root=base.root)
        mutants.append(mutant := asked(edit, number, base=base))
        with FILE.open("a", encoding="utf-8") as file:
            file.write(mutant.model_dump_json() + "\n")
        took = time.monotonic() - began
        print(f"{number:4} {took:4.0f} s  {mutant.became:16} {mutant.checks[:2]}", flush=True)
        count -= mutant.became.is_fault


def next_area(mutants: Iterable[Mutant]) -> str:
    """The area in which the fewest edits have made another program."""
    faults = Counter(mutant.area for mutant in mutants if mutant.became.is_fault)
    return min(mutation.AREAS, key=lambda area: faults[area])


def _ask_again(base: Base) -> None:
    mutants = list(load_all())
    for place, mutant in enumerate(mutants):
        if mutant.became is Became.PASSED and mutant.reached and not mutant.since:
            _, answer = _gated(mutation.draw(mutant.area, mutant.number, root=base.root), base=base)
            mutants[place] = mutant.model_copy(update={"since": _shown(_blocking(answer))})
            lines = (f"{each.model_dump_json()}\n" for each in mutants)
            documents.write(FILE, "".join(lines))
            print(f"{mutant.number:4} {mutants[place].since}", flush=True)


@contextmanager
def _base() -> Iterator[Base]:
    code = engines.fetched(BUILD.build).path
    folder = engines.ensure(BUILD)
    with tempfile.TemporaryDirectory() as place, tarfile.open(code) as archive:
        archive.extractall(place, filter="data")
        yield Base(
            root=next(Path(place).glob("*/llama.cpp")),
            folder=folder,
            sha256=_digest(folder),
            settings=as_it_ships(),
        )


def asked(edit: Edit, number: int, *, base: Base) -> Mutant:
    """What becomes of one edit."""
    became, answer = _gated(edit, base=base)
    found = _blocking(answer)
    return Mutant(
        number=number,
        area=edit.area,
        file=edit.file,
        line=edit.number,
        before=edit.before.strip(),
        after=edit.after.strip(),
        became=became,
        classes=tuple(sorted({each.fault_class.value for each in found if _failed(each)})),
        checks=_shown(found),
        reached=_reached(edit, base=base) if became is Became.PASSED else None,
        seconds=round(answer.seconds, 1) if answer else 0.0,
    )


def _blocking(answer: GateResult | None) -> Sequence[Finding]:
    """Those that failed first, so that they are among those that are shown."""
    found = [each for each in findings(answer) if each.blocking] if answer else []
    return sorted(found, key=_failed, reverse=True)


def _shown(found: Sequence[Finding]) -> tuple[str, ...]:
    return tuple(each.check for each in found)[:3]


def _reached(edit: Edit, *, base: Base) -> bool | None:
    trap = mutation.trap(edit, root=base.root)
    became, _ = _gated(trap, base=base) if trap else (Became.NO_PROGRAM, None)
    return None if became is Became.NO_PROGRAM else became is Became.REFUSED


def _gated(edit: Edit, *, base: Base) -> tuple[Became, GateResult | None]:
    """Builds an edit, has it gated where that is another program, and clears it away."""
    with tempfile.TemporaryDirectory() as place:
        patch = Path(place, "edit.patch")
        patch.write_text(mutation.patch(edit, root=base.root), encoding="utf-8")
        engine = replace(BUILD, name="mutant", kind="planted", patch=patch)
        try:
            folder = engines.ensure(engine)
        except BuildError:
            return Became.NO_PROGRAM, None
    try:
        if _digest(folder) == base.sha256:
            return Became.SAME_PROGRAM, None
        answer = gated(
            folder, baseline=base.folder, settings=base.settings, suites=engine.suites, seed=SEED
        )
    finally:
        shutil.rmtree(folder.parent)
    return _verdict(answer), answer


def _verdict(answer: GateResult) -> Became:
    if answer.verdict is Verdict.FAIL:
        return Became.REFUSED
    if answer.verdict is not Verdict.PASS:
        return Became.UNDECIDED
    warned = any(check.status is Status.WARN and check.blocking for check in answer.checks)
    return Became.WARNED if warned else Became.PASSED


def _failed(finding: Finding) -> bool:
    return finding.status is Status.FAIL


def _digest(folder: Path) -> str:
    return documents.sha256_of(folder / "bin" / SERVER)


if __name__ == "__main__":
    main(sys.argv[1])
