"""`engine-ci report` renders what a gate stored."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine_ci.cli import report
from engine_ci.errors import Exit
from engine_ci.records.difference import Difference
from engine_ci.records.gate import Verdict
from tests.unit.bump import records

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.cli.command import CommandLine


def test_a_stored_result_is_rendered_again_to_the_letter(run: CommandLine, tmp_path: Path) -> None:
    report.write(records.result(), tmp_path)

    ran = run("report", "show", str(tmp_path / "gate.json"), "--html", str(tmp_path / "again.html"))

    assert ran.out.strip() == (tmp_path / "gate.md").read_text(encoding="utf-8").strip()
    assert (tmp_path / "again.html").read_bytes() == (tmp_path / "gate.html").read_bytes()


def test_markdown_alone_needs_no_page(run: CommandLine, tmp_path: Path) -> None:
    report.write(records.result(), tmp_path)
    before = sorted(tmp_path.iterdir())

    assert run("report", "show", str(tmp_path / "gate.json")).status == Exit.OK
    assert sorted(tmp_path.iterdir()) == before


def test_something_else_is_no_result(run: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "gate.json").write_text("{}", encoding="utf-8")

    ran = run("report", "show", str(tmp_path / "gate.json"))

    assert ran.status == Exit.USAGE
    assert "`verdict`: missing" in ran.err


def test_two_results_are_compared_and_a_difference_is_no_failure(
    run: CommandLine, tmp_path: Path
) -> None:
    report.write(records.result(), tmp_path / "a")
    report.write(records.result(verdict=Verdict.FAIL, checks=()), tmp_path / "b")
    files = [str(tmp_path / name / "gate.json") for name in ("a", "b")]

    ran = run("report", "diff", *files)
    told = run("report", "diff", *files, "--json")

    assert (ran.status, told.status) == (Exit.OK, Exit.OK)
    assert ran.out.startswith("verdict: pass -> fail\nchecks: 10 gone\n")
    found = Difference.model_validate_json(told.out)
    assert (found.before, found.after, len(found.checks)) == ("pass", "fail", 10)
