"""What writes to the app's files or to GitHub, tried without, and its results for programs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from engine_ci.bump import settle, stuck_issue
from engine_ci.bump.stuck import Alarm
from engine_ci.cli import golden
from engine_ci.errors import Exit, PinError
from engine_ci.system.documents import Versioned
from tests.unit.bump.records import NOW

if TYPE_CHECKING:
    from fixtures.github import GitHubServer
    from tests.unit.cli.command import CommandLine

PIN = "pins/llama.cpp.yaml"
HOLD = ("hold", "b11194", "--reason", "dies")


def test_a_hold_that_is_only_tried_shows_what_would_change(run: CommandLine, app: Path) -> None:
    before = (app / PIN).read_bytes()

    ran = run(*HOLD, "--dry-run")

    assert ran.status == Exit.OK
    assert ran.out.startswith(f"--- {PIN}\n+++ {PIN}\n")
    assert "+- version: b11194\n" in ran.out
    assert (app / PIN).read_bytes() == before


def test_a_hold_for_programs_lists_all_of_them(run: CommandLine, app: Path) -> None:
    held = json.loads(run(*HOLD, "--json").out)
    free = json.loads(run("unhold", "b11194", "--json", "--dry-run").out)

    assert [each["version"] for each in held["holds"]] == ["b11194"]
    assert (held["pin"], held["file"]) == ("llama.cpp", str(app / PIN))
    assert (held["dry_run"], free["dry_run"]) == (False, True)
    assert free["holds"] == []
    assert "b11194" in (app / PIN).read_text()


@pytest.mark.usefixtures("toy")
def test_a_bump_with_nothing_to_do_says_so_to_programs_too(run: CommandLine) -> None:
    ran = run("bump", "--json")

    found = json.loads(ran.out)
    assert (found["version"], found["text"]) == (None, None)
    assert found["why_nothing"] == "toy stays at 1.0: nothing is newer"
    assert ran.err.endswith("toy stays at 1.0: nothing is newer\n")


def test_a_watch_that_is_only_tried_tells_nobody_and_counts_nothing(
    run: CommandLine, github: GitHubServer
) -> None:
    polls, config = Path(".engine-ci", "polls-llama.cpp.json"), Path("engine-ci.yaml")
    policy = "policy: {tries: 2, stuck_failures: 1}"
    text = config.read_text(encoding="utf-8").replace("policy: {tries: 2}", policy)
    config.write_text(text, encoding="utf-8")
    asked = ("watch", "--failed", "--api-url", github.api_url)

    tried = run(*asked, "--dry-run", "--json")
    again = run(*asked, "--dry-run")
    counted = polls.exists()
    done = run(*asked, "--json")

    found = json.loads(tried.out)
    assert (found["stuck"], found["failures"], found["dry_run"]) == (True, 1, True)
    assert found["done"][0].startswith("an issue would be opened: ")
    assert (again.out, again.status) == ("", Exit.OK)
    assert (counted, polls.exists()) == (False, True)
    assert json.loads(done.out)["done"][0].startswith("issue #1 opened: ")
    assert len(github.hub.issues) == 1


ALARM = Alarm(title="it is stuck", body="since days", since=NOW)


@pytest.mark.parametrize(
    ("action", "said"),
    [
        (settle.Open(alarm=ALARM), "an issue would be opened: it is stuck"),
        (settle.Rewrite(number=7, alarm=ALARM), "issue #7 would be rewritten"),
        (settle.Reopen(number=7, alarm=ALARM, comment="again"), "issue #7 would be opened again"),
        (settle.Close(number=7, comment="well"), "issue #7 would be closed"),
    ],
)
def test_what_would_be_done_to_an_issue_is_said_as_what_would_be(
    action: settle.Action, said: str
) -> None:
    assert stuck_issue._would(action) == said


def test_golden_record_is_tried_by_computing_everything(
    run: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "stable.json"
    path.write_text("old")

    class Recorded(golden._Golden):
        def recorded(self) -> str:
            return "new"

    held = Recorded("stable", path, tuple, lambda: Versioned(schema=1))
    monkeypatch.setattr(golden, "_goldens", lambda: iter([held]))

    tried = run("golden", "record", "--dry-run")
    listed = json.loads(run("golden", "record", "--dry-run", "--json").out)
    kept = path.read_text()
    run("golden", "record")
    unchanged = run("golden", "record", "--dry-run")

    assert (tried.out, kept) == (f"{path}\n", "old")
    assert listed["goldens"][0]["differences"] == ["it would be recorded otherwise"]
    assert path.read_text() == "new"
    assert unchanged.out == "every golden is as it would be recorded\n"


@pytest.mark.parametrize(("differences", "status"), [((), 0), (("step 0 moved",), 3)])
def test_golden_verify_tells_programs_what_differs(
    run: CommandLine,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    differences: tuple[str, ...],
    status: int,
) -> None:
    held = golden._Golden("stable", tmp_path, lambda: differences, lambda: Versioned(schema=1))
    monkeypatch.setattr(golden, "_goldens", lambda: iter([held]))

    ran = run("golden", "verify", "--json")

    assert ran.status == status
    assert json.loads(ran.out)["goldens"][0]["differences"] == list(differences)


def test_an_error_without_a_better_hint_has_that_of_its_kind(run: CommandLine, app: Path) -> None:
    (app / PIN).write_text("schema: 1\n", encoding="utf-8")

    ran = run("detect")

    assert ran.status == Exit.USAGE
    assert f"hint: {PinError.usual_hint}\n" in ran.err
