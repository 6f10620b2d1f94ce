"""What `detect` and `prepare` learn from the repository that the configuration names."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from engine_ci.cli import upstream
from engine_ci.errors import Exit, RecordError
from engine_ci.pins import store
from engine_ci.pins.model import Commit
from engine_ci.records.candidate import Candidate
from engine_ci.records.upstream import KnownRegression, Missed, Range, Unavailable, Upstream
from engine_ci.releases import features
from engine_ci.system import documents
from tests.unit.artifact import wheels
from tests.unit.bump import records
from tests.unit.cli.command import UNASKED, moved
from tests.unit.system import origin

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.artifact.wheels import Index
    from tests.unit.cli.command import CommandLine
    from tests.unit.system.origin import Origin

START = 'LLM_ARCH_NAMES = {\n    { LLM_ARCH_LLAMA, "llama" },\n};\n'
LATER = START.replace("\n};", '\n    { LLM_ARCH_KIMI, "kimi-k3" },\n};')


@pytest.fixture
def source(app: Path, toy: Index, tmp_path: Path, home: Path) -> Origin:
    """The repository that the app names, with two commits of which the first is pinned."""
    assert toy.downloads == []
    made = origin.make(tmp_path, home)
    pinned = made.commit("llama : start", {features.ARCHITECTURES: START})
    made.tag("b8000")
    made.commit("model : kimi (#7)", {features.ARCHITECTURES: LATER})
    made.tag("b8001")
    config = app / "engine-ci.yaml"
    config.write_text(f"{config.read_text()}upstream: {{repository: '{made.address}'}}\n")
    file = app / "pins" / "llama.cpp.yaml"
    pin = store.load(file).model_copy(update={"commit": Commit(id=pinned)})
    file.write_text(store.dump(pin))
    return made


def published(toy: Index, folder: Path, version: str, *, commit: str = "86a2835") -> None:
    """A release of the toy engine that says it is made of a commit."""
    files = {
        name.replace("1.0", version): data.replace(b"86a2835", commit.encode())
        for name, data in wheels.engine().items()
    }
    toy.publish(wheels.wheel(folder, files, version=version))


def candidate(app: Path) -> Upstream:
    record = app / ".engine-ci" / "candidate.json"
    told = documents.load_json(record, Candidate, error=RecordError).upstream
    assert told is not None
    return told


def test_detect_says_what_changed_up_to_the_candidates_build(
    run: CommandLine, toy: Index, app: Path, source: Origin, tmp_path: Path
) -> None:
    published(toy, tmp_path, "2026.4.8001")

    ran = run("detect")

    assert ran.status == Exit.OK
    assert ran.out == (
        "toy 1.0: 1 release is newer; its source does not tell how old it is\n"
        "→ 2026.4.8001  candidate; its source does not tell its age: no cooldown\n"
        "upstream: 1 commits, 1 relevant; architectures missed since: kimi-k3\n"
    )
    told = candidate(app)
    assert told.repository == source.address
    assert isinstance(told.range, Range)
    assert [commit.subject for commit in told.range.commits] == ["model : kimi (#7)"]


@pytest.mark.usefixtures("source")
def test_what_is_missed_is_told_where_nothing_is_newer(run: CommandLine) -> None:
    assert run("detect").out == (
        "toy 1.0: nothing newer; its source does not tell how old it is\n"
        "upstream: commits not available: no build and no commit is known to compare the pin with; "
        "architectures missed since: kimi-k3\n"
    )


def test_what_only_the_bytes_tell_is_added_once_they_are_here(
    run: CommandLine, toy: Index, app: Path, source: Origin, tmp_path: Path
) -> None:
    tip = source.commit("server : faster (#8)", {"tools/server/server.cpp": "1"})
    published(toy, tmp_path, "1.1", commit=tip[:7])
    run("detect")
    assert isinstance(candidate(app).range, Unavailable)

    assert run("prepare", "--dry-run").status == Exit.OK
    assert isinstance(candidate(app).range, Unavailable)
    assert run("prepare").status == Exit.OK

    told = candidate(app).range
    assert isinstance(told, Range)
    assert (told.new, len(told.commits)) == (tip, 2)


@pytest.mark.usefixtures("source")
def test_what_was_known_before_is_not_asked_for_again(
    run: CommandLine, toy: Index, app: Path, tmp_path: Path
) -> None:
    published(toy, tmp_path, "2026.4.8001")
    run("detect")
    record = app / ".engine-ci" / "candidate.json"
    before = record.stat()

    run("prepare")

    assert isinstance(candidate(app).range, Range)
    assert record.stat().st_ino == before.st_ino


def test_a_known_regression_is_told_once_the_bytes_tell_the_build(
    run: CommandLine, toy: Index, app: Path, tmp_path: Path
) -> None:
    build = (10430).to_bytes(4, "little")
    files = {
        name.replace("1.0", "1.1"): data.replace((11434).to_bytes(4, "little"), build)
        for name, data in wheels.engine().items()
    }
    toy.publish(wheels.wheel(tmp_path, files, version="1.1"))
    run("detect")
    before = candidate(app).regressions

    assert run("prepare").status == Exit.OK
    assert before == ()
    assert [each.first for each in candidate(app).regressions] == [9978, 10429]


@pytest.mark.usefixtures("source")
def test_what_the_app_waits_for_is_proposed_without_waiting(
    run: CommandLine, toy: Index, app: Path, tmp_path: Path
) -> None:
    published(toy, tmp_path, "2026.4.8001")
    moved(app)
    waiting = run("detect").out
    config = app / "engine-ci.yaml"
    wanted = "tries: 2, wanted: {architectures: [kimi-k3], fixes: [7]}"
    config.write_text(config.read_text().replace("tries: 2", wanted))

    hurrying = run("detect").out

    assert "… 2026.4.8001  eligible, and waits until " in waiting
    assert "it does not wait, since the architecture kimi-k3 has arrived; the fix 7 " in hurrying


def test_a_repository_that_does_not_answer_stops_nothing(
    run: CommandLine, toy: Index, app: Path, source: Origin, tmp_path: Path
) -> None:
    source.path.rename(tmp_path / "moved")
    published(toy, tmp_path, "1.1", commit="1234567")

    detected, prepared = run("detect"), run("prepare")

    assert (detected.status, prepared.status) == (Exit.OK, Exit.OK)
    assert "no cooldown\nupstream: commits not available: '" in detected.out
    assert "architectures missed: not available: '" in detected.out
    assert isinstance(candidate(app).range, Unavailable)


@pytest.mark.usefixtures("toy")
def test_without_a_repository_nobody_is_asked(run: CommandLine, app: Path) -> None:
    assert run("detect").out.splitlines()[1:] == [UNASKED]
    assert candidate(app).repository is None


def test_known_regressions_of_the_candidate_are_told() -> None:
    silent = Unavailable(reason="x")
    fault = KnownRegression(first=1, last=2, what="slow", link="https://example.invalid/1")

    told = upstream.lines(Upstream(range=silent, missed=silent, regressions=(fault,)))

    assert told[1:] == ["known of b1 to b2: slow (https://example.invalid/1)"]


def test_nothing_missed_is_said() -> None:
    missed = Missed(tip="3" * 40, at=records.NOW, architectures=())

    told = upstream.lines(records.upstream(records.commit("a", relevant=False), missed=missed))

    assert told == ["upstream: 1 commits, 0 relevant; architectures missed since: none"]


def test_a_record_of_an_older_release_tells_nothing() -> None:
    assert upstream.lines(None) == []
