"""`engine-ci report history`: a page of what engine-history.yml keeps."""

from __future__ import annotations

import gc
import shutil
from typing import TYPE_CHECKING

from engine_ci.errors import Exit
from engine_ci.records.gate import Verdict
from engine_ci.system import documents
from tests.unit.bump import checked

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from tests.unit.cli.command import CommandLine

FIRST, SECOND = "1" * 40, "2" * 40


def keep(folder: Path, commit: str, artifact: str, verdict: Verdict = Verdict.PASS) -> None:
    """What a job left for a commit, as the workflow puts it there."""
    result = checked.gated(verdict)
    record = checked.record(result, head=commit)
    place = folder / commit / artifact
    documents.write(place / "check.json", documents.dump_json(record))
    documents.write(place / "gate" / "gate.json", documents.dump_json(result))


def test_every_run_that_was_kept_is_on_the_page_which_is_that_of_the_step_too(
    run: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, summary = tmp_path / "history", tmp_path / "summary.md"
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    keep(folder, FIRST, "gate-macos-15")
    keep(folder, FIRST, "gate-macos-14", Verdict.FAIL)
    keep(folder, SECOND, "gate-macos-15")

    ran = run("report", "history", str(folder))
    again = run("report", "history", str(folder))

    assert ran.status == Exit.OK
    assert again.out == ran.out == (folder / "history.md").read_text()
    assert summary.read_text().startswith(ran.out)
    told = [line.split(" | ")[1:3] for line in ran.out.splitlines() if line.startswith("| 2026")]
    assert sorted(told) == [
        ["1" * 10, "`gate-macos-14`"],
        ["1" * 10, "`gate-macos-15`"],
        ["2" * 10, "`gate-macos-15`"],
    ]
    _, _, every = ran.out.partition("### Every run")
    assert every.count("❌ fail") == 1
    assert "<title>History" in (folder / "history.html").read_text()
    assert gc.isenabled()


def test_a_record_that_is_broken_or_gone_hides_no_other(run: CommandLine, tmp_path: Path) -> None:
    keep(tmp_path, FIRST, "gate-macos-15")
    keep(tmp_path, SECOND, "gate-macos-15")
    keep(tmp_path, SECOND, "gate-macos-14")
    (tmp_path / SECOND / "gate-macos-15" / "check.json").write_text("{}")
    shutil.rmtree(tmp_path / SECOND / "gate-macos-14" / "gate")

    ran = run("report", "history", str(tmp_path))

    assert ran.status == Exit.OK
    assert ran.out.count("\n| 2026") == 1
    _, _, lost = ran.out.partition("Left out, since it cannot be read:\n\n")
    assert len(lost.splitlines()) == 2


def test_results_without_a_record_of_a_commit_count_too(run: CommandLine, tmp_path: Path) -> None:
    for name in ("a", "b"):
        documents.write(tmp_path / name / "gate.json", documents.dump_json(checked.gated()))
    documents.write(tmp_path / "c" / "gate.json", "{}")

    ran = run("report", "history", str(tmp_path), "--out", str(tmp_path / "pages"))

    assert "| unknown | `a` | `0.1.3` | `0.1.2` |" in ran.out
    assert "| unknown | `b` |" in ran.out
    assert "- c: " in ran.out
    assert sorted(path.name for path in (tmp_path / "pages").iterdir()) == [
        "history.html",
        "history.md",
    ]


def test_holds_are_those_of_the_app_that_it_is_run_in(
    run: CommandLine, app: Path, tmp_path: Path
) -> None:
    pin = app / "pins" / "llama.cpp.yaml"
    hold = "holds:\n- {version: '9.9', reason: it crashes}\n"
    pin.write_text(f"{pin.read_text()}{hold}")
    keep(tmp_path / "history", FIRST, "gate-macos-15")

    here = run("report", "history", str(tmp_path / "history"))
    elsewhere = run(
        "report", "history", str(tmp_path / "history"), "--config", str(tmp_path / "none.yaml")
    )

    assert "| `9.9` | `it crashes` | for ever |" in here.out
    assert "### Holds\n\nUnknown: no configuration was given." in elsewhere.out


def test_before_the_first_result_there_is_a_page_that_says_so(
    run: CommandLine, tmp_path: Path
) -> None:
    ran = run("report", "history", str(tmp_path / "history"))

    assert ran.status == Exit.OK
    assert "Nothing yet." in (tmp_path / "history" / "history.md").read_text()
