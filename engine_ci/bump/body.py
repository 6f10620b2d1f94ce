"""Pure. The text of the pull request, from a template that escapes whatever it is given.

Names and words of upstream and of engines are untrusted: an expression of the template comes out as
inert text unless it passed one of the filters below, and none is longer than a reader would read.
"""

from __future__ import annotations

import re
from functools import cache
from itertools import takewhile
from typing import TYPE_CHECKING

from jinja2 import Environment, PackageLoader, StrictUndefined, Template, select_autoescape

from engine_ci.bump import changes, commits, validation
from engine_ci.pins.model import PackageIndex, SourceBuild
from engine_ci.records.upstream import Range, Unavailable, Upstream
from engine_ci.system import markdown

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from engine_ci.pins.model import Pin
    from engine_ci.records.bundle import Bundle
    from engine_ci.records.candidate import Candidate
    from engine_ci.records.gate import GateResult
    from engine_ci.records.upstream import UpstreamCommit

# GitHub refuses a body of more than 65,536 characters; some room is left for a note in front.
LIMIT = 64_000
# How many entries of each list are shown: as many as leave the gate its room.
_MOST, _FEWEST = (25, 8), 2
_GATE_ROOM = 16_000
_LONGEST = 300
_SILENT = Unavailable(reason="nobody asked")
_UNASKED = Upstream(range=_SILENT, missed=_SILENT)
_LONGEST_NAME = 100
_GAP = "\n\n"
_CLOSE = "\n\n</details>"
_PICTURE = "```mermaid"
_NOTE = "\n\n*Cut here: the whole is in `gate.md`, among the files that the run left.*"
_MARK = re.compile(r"^<!-- engine-ci: (?P<pin>\S+) (?P<version>\S+) -->$", re.MULTILINE)


class _Markdown(str):
    """Text that may mark up."""

    __slots__ = ()


def render(
    *,
    path: str,
    old: Pin,
    new: Pin,
    candidate: Candidate,
    bundle: Bundle,
    before: Bundle | None,
    elsewhere: Sequence[tuple[Bundle | None, Bundle]],
    result: GateResult,
    gate: str,
    argv: Sequence[str],
    commit: str,
    draft: bool,
) -> str:
    """The body, at most `LIMIT` characters long.

    Args:
        path: of the pin file, from the repository's root.
        old: the pin as it is.
        new: the pin as it is proposed.
        candidate: the outcome of `detect`.
        bundle: the candidate's.
        before: the bundle of the pinned engine, where there is one.
        elsewhere: the same two for other platforms.
        result: the outcome of `gate`.
        gate: the same, check by check, as Markdown that is safe already.
        argv: how the app starts the engine.
        commit: of the app's repository, which the run started from.
        draft: whether it opens as one; why the gate did not pass comes first in any case.
    """
    changed = changes.compare(before, bundle, engines=result.engines)
    listed = _commits(candidate)
    tried = {refusal.version for refusal in candidate.refused}
    facts = {
        "path": path,
        "old": old,
        "new": new,
        "candidate": candidate,
        "result": result,
        "changes": changed,
        "closure": changed.closure,
        "upstream": candidate.upstream or _UNASKED,
        "modules": commits.by_module(listed, relevant=True),
        "others": commits.by_module(listed, relevant=False),
        "draft": draft,
        "source": _source(new),
        "provenance": [(name, bundle.provenance[name]) for name in new.platforms],
        "passed_over": [
            validation.Note(subject=decision.subject, text=decision.reason)
            for decision in candidate.decisions
            if not decision.chosen and decision.version not in tried
        ],
        "reasons": validation.reasons(result),
        "commit": commit,
        "tier": validation.tier(result),
        "ran": validation.ran(result),
        "not_run": validation.not_run(result, pin=new),
        "risks": validation.risks(
            old=old,
            new=new,
            candidate=candidate,
            bundle=bundle,
            changes=changed,
            elsewhere=validation.changed_elsewhere(elsewhere),
            result=result,
            argv=argv,
        ),
        "mark": mark(new),
    }
    return _fit(facts, gate=gate)


def mark(pin: Pin) -> str:
    """The line by which a body is known as ours, and for which version of a pin it is."""
    return f"<!-- engine-ci: {pin.name} {pin.version} -->"


def proposed(body: str, *, pin: str) -> str | None:
    """The version that a body of ours proposes for a pin; None for anybody else's text."""
    marks = (match for match in _MARK.finditer(body) if match["pin"] == pin)
    return next((match["version"] for match in marks), None)


def shortened(text: str, *, room: int) -> str:
    """Markdown of at most `room` characters, cut between paragraphs, with a note where it is cut.

    Pictures go first: what they show is in the tables too. What stands open at the cut is closed,
    so that the rest of the page is not swallowed.
    """
    paragraphs = _paragraphs(text)
    if len(_GAP.join(paragraphs)) > room:
        paragraphs = _plain(paragraphs)
    if len(_GAP.join(paragraphs)) <= room:
        return _GAP.join(paragraphs)

    def fits(count: int) -> bool:
        return len(_closed(paragraphs[:count]) + _NOTE) <= room

    most = max(takewhile(fits, range(len(paragraphs))), default=0)
    return _closed(paragraphs[:most]) + _NOTE


def _plain(paragraphs: Sequence[str]) -> list[str]:
    return [each for each in paragraphs if not each.startswith(_PICTURE)]


def _closed(paragraphs: Sequence[str]) -> str:
    text = _GAP.join(paragraphs)
    return text + _CLOSE * (text.count("<details") - text.count("</details>"))


def _paragraphs(text: str) -> list[str]:
    """The text between blank lines, with every fenced block in one piece."""
    found: list[str] = []
    fence = ""
    for paragraph in re.split(r"\n{2,}", text.strip("\n")):
        if fence:
            found[-1] += _GAP + paragraph
        else:
            found.append(paragraph)
        for line in paragraph.splitlines():
            opening = re.match("`{3,}", line)
            if fence and line == fence:
                fence = ""
            elif opening and not fence:
                fence = opening.group()
    return found


def _fit(facts: Mapping[str, object], *, gate: str) -> str:
    """The page with lists so long that the gate's part, but for its pictures, still finds room."""
    page = template("body.md.j2")

    def room(most: int) -> int:
        return LIMIT - len(page.render(facts, most=most, gate=""))

    enough = min(len(_GAP.join(_plain(_paragraphs(gate)))), _GATE_ROOM)
    most = next((most for most in _MOST if room(most) >= enough), _FEWEST)
    return page.render(facts, most=most, gate=shortened(gate, room=room(most)))


def _commits(candidate: Candidate) -> tuple[UpstreamCommit, ...]:
    known = candidate.upstream.range if candidate.upstream else _SILENT
    return known.commits if isinstance(known, Range) else ()


def _source(pin: Pin) -> str:
    if isinstance(pin.source, PackageIndex):
        return f"package {pin.source.package} of the package index"
    if isinstance(pin.source, SourceBuild):
        place = pin.source.repository or f"package {pin.source.package} of the package index"
        return f"the source code of {place}, built here"
    return f"the releases of {pin.source.repository}"


def template(name: str) -> Template:
    """A template of this folder, which escapes whatever it is given."""
    return _environment().get_template(name)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("engine_ci", "bump"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=select_autoescape(),  # of HTML; Markdown is escaped by `finalize`
        finalize=_finalize,
    )
    environment.filters |= {
        "code": _code,
        "codes": lambda names: _Markdown(", ".join(map(_code, names))),
        "cell": lambda name: _Markdown(markdown.cell(name)),
        "block": lambda lines: _Markdown(markdown.block("\n".join(map(_cut, lines)))),
        "count": lambda number: _Markdown(f"{number:,}"),
        "markdown": _Markdown,
    }
    return environment


def _finalize(value: object) -> object:
    if isinstance(value, _Markdown | int):
        return value
    return markdown.plain(_cut(str(value)))


def _code(name: str) -> _Markdown:
    return _Markdown(markdown.code(_cut(name, most=_LONGEST_NAME)))


def _cut(text: str, *, most: int = _LONGEST) -> str:
    # What nobody can see takes ten characters once it is spelled out, and nothing takes less than
    # one: so of a text without an end only the begin is looked at.
    shown = markdown.visible(" ".join(text.split(maxsplit=most))[: most + 1])
    return shown if len(shown) <= most else f"{shown[:most]} …"
