"""Pure. A gate result as Markdown, for a step summary, `gate.md` and the body of a pull request.

What engines, models and files said stands in code spans and blocks that it cannot leave.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine_ci.report import mermaid, summary
from engine_ci.system.markdown import block, cell, code, plain

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from engine_ci.records.gate import Check, EngineFacts, GateResult, Host, Measurement
    from engine_ci.report.summary import Suite

SIGNS = {"pass": "✅", "fail": "❌", "warn": "⚠️", "skip": "⏭️", "error": "💥", "inconclusive": "❔"}


def render(result: GateResult) -> str:
    """The whole result: the verdict first, what went wrong before what went well."""
    return "\n\n".join(_paragraphs(result)) + "\n"


def _paragraphs(result: GateResult) -> Iterator[str]:
    yield f"### {SIGNS[result.verdict]} The gate says: {result.verdict}"
    yield f"{plain(summary.headline(result))}. Checks: {summary.tally(result.checks)}."
    yield _engines(result)
    for suite in summary.suites(result):
        yield from _suite(suite)
    for check in summary.evidence(result):
        yield from _evidence(check)
    yield from _performance(result.performance)
    yield from _skipped(summary.skipped(result))
    if metal := summary.metal(result):
        yield f"Metal kernels: {plain(metal)}."
    yield _host(result.host)
    yield f"Started {result.started.isoformat(timespec='seconds')}, took {result.seconds:.1f} s."


def _engines(result: GateResult) -> str:
    header = ("engine", "version", "build", "commit", "platform", "adapter", "tree sha256")
    rows = [_engine("candidate", result.engines.candidate)]
    if result.engines.baseline:
        rows.append(_engine("baseline", result.engines.baseline))
    else:
        rows.append(["baseline", "could not run", *[""] * 5])
    return table(header, rows)


def _engine(role: str, engine: EngineFacts) -> list[str]:
    return [
        role,
        cell(engine.version),
        summary.build(engine),
        cell(summary.commit(engine)),
        engine.platform,
        cell(engine.adapter),
        cell(engine.tree_sha256),
    ]


def _suite(suite: Suite) -> Iterator[str]:
    """A suite in which all is well is folded up."""
    checks = table(
        ("status", "check", "expected", "observed", "seconds"),
        [_check(check) for check in suite.checks],
    )
    if suite.needs_reading:
        yield f"#### {plain(suite.name)}: {suite.tally}"
        yield checks
    else:
        yield f"<details><summary>{plain(suite.name)}: {suite.tally}</summary>"
        yield checks
        yield "</details>"


def _check(check: Check) -> list[str]:
    return [
        f"{SIGNS[check.status]} {summary.status(check)}",
        cell(check.id),
        cell(summary.shortened(check.expected)),
        cell(summary.shortened(check.observed)),
        f"{check.seconds:.1f}",
    ]


def _evidence(check: Check) -> Iterator[str]:
    yield f"Evidence for {code(check.id)}:"
    yield block(summary.excerpt(check.detail))


def _performance(measurements: Sequence[Measurement]) -> Iterator[str]:
    yield "#### Performance"
    if not measurements:
        yield "Not measured."
        return
    yield "Speed of the candidate over that of the baseline: above 1 is faster."
    yield table(
        ("metric", "ratio", "bounds", "pairs", "restarts", "verdict"),
        [
            [
                cell(item.metric),
                f"{item.ratio:.3f}",
                summary.bounds(item),
                str(item.pairs),
                str(item.restarts),
                item.verdict,
            ]
            for item in measurements
        ],
    )
    if picture := mermaid.ratios(measurements):
        # One paragraph, so that one does not stay without the other where a page is cut.
        yield f"{picture}\nFrom light to dark: the upper bound, the ratio, the lower bound."


def _skipped(checks: Sequence[Check]) -> Iterator[str]:
    yield "#### Skipped"
    if checks:
        yield "\n".join(
            f"- {code(check.id)}: {code(summary.shortened(check.observed))}" for check in checks
        )
    else:
        yield "Nothing."


def _host(host: Host) -> str:
    return (
        f"Host: {plain(host.system)} on {plain(host.machine)}, {host.cores} cores of "
        f"{plain(host.processor)}, {summary.memory(host.memory)} of memory, "
        f"Python {plain(host.python)}."
    )


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Cells that are Markdown already, as a table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
