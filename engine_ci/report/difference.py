"""Pure. What differs between two gate results, as a record and in lines for people."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Final, TypeAlias, get_args

from engine_ci.records.difference import (
    Answer,
    CheckChange,
    Difference,
    FactChange,
    FileChange,
    Kind,
    SpeedChange,
)
from engine_ci.records.gate import Status
from engine_ci.records.upstream import Names
from engine_ci.report import made_of, summary

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from engine_ci.records.gate import Check, EngineFile, GateResult, Measurement

_UNKNOWN: Final = "not known of both"
Scalar: TypeAlias = str | int | float | None

_BAD: Final = (Status.FAIL, Status.ERROR)
_KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
_TITLES: Final[Mapping[Kind, str]] = {
    "broken": "broken",
    "fixed": "fixed",
    "status": "with another status",
    "new": "new",
    "gone": "gone",
    "answer": "with another answer",
}


def between(before: GateResult, after: GateResult) -> Difference:
    """All that the second says otherwise; when and how long they ran is left out."""
    return Difference(
        schema=1,
        before=before.verdict,
        after=after.verdict,
        checks=tuple(_checks(before.checks, after.checks)),
        performance=tuple(_performance(before.performance, after.performance)),
        flags=_flags(before, after),
        files=_files(before, after),
        libraries=_libraries(before, after),
        facts=tuple(_facts(before, after)),
    )


def _checks(before: Iterable[Check], after: Iterable[Check]) -> list[CheckChange]:
    old, new = ({check.id: _answer(check) for check in checks} for checks in (before, after))
    found = [
        CheckChange(
            id=name,
            kind=_kind(old.get(name), new.get(name)),
            before=old.get(name),
            after=new.get(name),
        )
        for name in sorted(old.keys() | new.keys())
        if old.get(name) != new.get(name)
    ]
    return sorted(found, key=lambda change: _KINDS.index(change.kind))


def _answer(check: Check) -> Answer:
    return Answer(status=check.status, expected=check.expected, observed=check.observed)


def _kind(before: Answer | None, after: Answer | None) -> Kind:
    if after is None:
        return "gone"
    if after.status in _BAD and (before is None or before.status not in _BAD):
        return "broken"
    if before is None:
        return "new"
    if before.status in _BAD and after.status in (Status.PASS, Status.WARN):
        return "fixed"
    return "answer" if before.status is after.status else "status"


def _performance(
    before: Iterable[Measurement], after: Iterable[Measurement]
) -> Iterator[SpeedChange]:
    old, new = (
        {each.metric: each.model_copy(update={"samples": ()}) for each in measured}
        for measured in (before, after)
    )
    for metric in dict.fromkeys((*old, *new)):
        was, is_now = old.get(metric), new.get(metric)
        if was != is_now:
            yield SpeedChange(metric=metric, before=was, after=is_now, apart=_apart(was, is_now))


def _apart(one: Measurement | None, other: Measurement | None) -> bool:
    if one is None or other is None:
        return False
    return one.high < other.low or other.high < one.low


def _flags(before: GateResult, after: GateResult) -> Names | None:
    old, new = before.engines.candidate.flags, after.engines.candidate.flags
    return Names.between(old, new) if old and new else None


def _files(before: GateResult, after: GateResult) -> tuple[FileChange, ...] | None:
    one, other = (result.engines.candidate.closure for result in (before, after))
    if one is None or other is None:
        return None
    return tuple(
        FileChange(path=file.path, before=_size(file.before), after=_size(file.after))
        for file in made_of.files(one, other)
        if file.change != "same"
    )


def _size(file: EngineFile | None) -> int | None:
    return file.size if file else None


def _libraries(before: GateResult, after: GateResult) -> Names | None:
    one, other = (result.engines.candidate.closure for result in (before, after))
    if one is None or other is None:
        return None
    return Names.between(one.system_libraries, other.system_libraries)


def _facts(before: GateResult, after: GateResult) -> Iterator[FactChange]:
    old, new = (dict(_flattened(_told(result))) for result in (before, after))
    for name in dict.fromkeys((*old, *new)):
        if old.get(name) != new.get(name):
            yield FactChange(name=name, before=old.get(name), after=new.get(name))


def _told(result: GateResult) -> dict[str, object]:
    apart: dict[str, Any] = {"flags": True, "closure": {"files", "system_libraries"}}
    without = {"candidate": apart, "baseline": apart}
    return {
        "engines": result.engines.model_dump(mode="json", exclude=without),
        "host": result.host.model_dump(mode="json"),
    }


def _flattened(value: object, name: str = "") -> Iterator[tuple[str, Scalar]]:
    """Each value with the path to it."""
    if isinstance(value, dict):
        for key, each in value.items():
            yield from _flattened(each, f"{name}.{key}" if name else key)
    elif isinstance(value, list):
        yield name, ", ".join(map(str, value))
    elif isinstance(value, str | int | float):
        yield name, value


def text(found: Difference) -> str:
    """Lines: the verdict first, what broke before what was mended."""
    return "\n".join(_lines(found))


def _lines(found: Difference) -> Iterator[str]:
    yield f"verdict: {_arrow(found.before, found.after)}"
    yield f"checks: {_tally(found.checks)}"
    yield from (f"  {_check(change)}" for change in found.checks)
    yield from _section("performance", map(_speed, found.performance))
    yield from _section("flags of the candidate", _names(found.flags))
    yield from _section("files of the candidate", _sizes(found.files))
    yield from _section("libraries of the system", _names(found.libraries))
    yield from _section("facts", (f"{each.name}: {_fact(each)}" for each in found.facts))


def _section(title: str, lines: Iterable[str]) -> Iterator[str]:
    told = list(lines)
    yield f"{title}:" if told else f"{title}: the same"
    yield from (f"  {line}" for line in told)


def _tally(checks: Iterable[CheckChange]) -> str:
    counts = Counter(change.kind for change in checks)
    return ", ".join(f"{counts[kind]} {_TITLES[kind]}" for kind in _KINDS if counts[kind]) or (
        "the same"
    )


def _check(change: CheckChange) -> str:
    old, new = _parts(change.before), _parts(change.after)
    told = [
        f"{what} {_arrow(old[what], new[what])}"
        for what in ("status", "expected", "observed")
        if what == "status" or old[what] != new[what]
    ]
    return f"{change.kind:<6}  {change.id}: {'; '.join(told)}"


def _parts(answer: Answer | None) -> dict[str, Scalar]:
    return dict.fromkeys(Answer.model_fields) if answer is None else answer.model_dump()


def _speed(change: SpeedChange) -> str:
    line = f"{change.metric}: {_arrow(_ratio(change.before), _ratio(change.after))}"
    return f"{line}; even the bounds are apart" if change.apart else line


def _ratio(measured: Measurement | None) -> str | None:
    if measured is None:
        return None
    return f"{measured.ratio:.3f} ({summary.bounds(measured)}) {measured.verdict}"


def _names(flags: Names | None) -> Iterator[str]:
    if flags is None:
        yield _UNKNOWN
        return
    for how, names in (("gained", flags.gained), ("lost", flags.lost)):
        if names:
            yield f"{how}: {', '.join(names)}"


def _sizes(files: Iterable[FileChange] | None) -> Iterator[str]:
    if files is None:
        yield _UNKNOWN
        return
    for file in files:
        if file.before == file.after:
            yield f"{file.path}: other bytes, as many"
        else:
            yield f"{file.path}: {_arrow(file.before, file.after)} bytes"


def _fact(change: FactChange) -> str:
    return _arrow(change.before, change.after)


def _arrow(before: Scalar, after: Scalar) -> str:
    """From one to the other, or that they are the same."""
    old, new = (summary.shortened(_said(value)) for value in (before, after))
    return old if before == after else f"{old} -> {new}"


def _said(value: Scalar) -> str:
    if value is None:
        return "nothing"
    return " ".join(str(value).split())
