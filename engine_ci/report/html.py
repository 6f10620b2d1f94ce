"""Pure. A gate result as one HTML page that needs no network, no script and no other file.

Everything out of the result is escaped by the template engine, and what nobody can see (control
characters, changes of direction) is spelled out.
"""

from __future__ import annotations

from collections import Counter
from functools import cache
from typing import TYPE_CHECKING, Final

from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup

from engine_ci.records.gate import Status
from engine_ci.report import charts, made_of, summary
from engine_ci.report.figures import drift, margins, runtime, speed
from engine_ci.system.markdown import visible

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from engine_ci.records.gate import Check, GateResult

# Shown with their evidence before all else; the others are among the checks.
_MOST_CARDS: Final = 5
_NO_NUMBERS: Final = "No numbers were recorded."
_SHOWN: Final[Sequence[tuple[str, str, Collection[Status]]]] = (
    ("all", "all", tuple(Status)),
    ("read", "failed or warned", (Status.FAIL, Status.ERROR, Status.WARN)),
    ("skip", "skipped", (Status.SKIP,)),
    ("pass", "passed", (Status.PASS,)),
)


def render(result: GateResult) -> str:
    """The whole page: the verdict first, what went wrong before what went well."""
    decided = summary.to_read(result)
    pictured = (
        ("performance", "Speed", speed.figures(result), "Not measured."),
        (
            "distance",
            "Drift and margins",
            [*drift.figures(result), *margins.figures(result)],
            _NO_NUMBERS,
        ),
        ("memory", "Memory and start", runtime.figures(result), _NO_NUMBERS),
    )
    sections = [
        *([("decided", "What to read first")] if decided else []),
        ("engines", "Engines"),
        *((id_, name) for id_, name, *_ in pictured),
        ("made-of", "What it is made of"),
        ("checks", "Checks"),
        ("host", "Host"),
    ]
    return template("gate.html.j2").render(
        result=result,
        summary=summary,
        made_of=made_of,
        charts=charts,
        log=_log,
        decided=decided[:_MOST_CARDS],
        more=max(0, len(decided) - _MOST_CARDS),
        pictured=pictured,
        sections=sections,
        shown=list(_filters(result.checks)),
    )


def _filters(checks: Sequence[Check]) -> Iterator[tuple[str, str, int]]:
    """What can be shown alone, and how many checks that is; nothing where all came out alike."""
    counts = Counter(check.status for check in checks)
    if len(counts) == 1:
        return
    for name, words, statuses in _SHOWN:
        if count := sum(counts[status] for status in statuses):
            yield name, words, count


def _log(text: str) -> Markup:
    """The end of a log, with the lines marked that tell of something that went wrong."""
    lines = (
        (Markup("<mark>{}</mark>") if amiss else Markup("{}")).format(visible(line))
        for line, amiss in summary.log(text)
    )
    return Markup("\n").join(lines)


def _shown(value: object) -> object:
    """What an expression of the template puts onto the page, before it is escaped."""
    if isinstance(value, Markup):
        return value
    return "\n".join(visible(line) for line in str(value).splitlines())


def template(name: str) -> Template:
    """A template of this folder, which escapes whatever it is given."""
    return _environment().get_template(name)


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("engine_ci", "report"),
        undefined=StrictUndefined,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        finalize=_shown,
    )
