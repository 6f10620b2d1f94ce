"""The three records: what they are made of survives being written and read, and nothing else."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from engine_ci.errors import RecordError
from engine_ci.records.bundle import Bundle, BundleFile, Edit, Provenance
from engine_ci.records.candidate import Candidate, Decision, PublishedAsset, Refusal, Release
from engine_ci.records.gate import (
    Check,
    EngineFacts,
    Engines,
    FaultClass,
    GateResult,
    Host,
    Measurement,
    Status,
    Verdict,
)
from engine_ci.system import documents

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from engine_ci.system.documents import Versioned

NOW = datetime(2026, 11, 21, 6, 0, tzinfo=UTC)
SHA = "0" * 64
TEXT = st.text(st.characters(codec="utf-8"))

CANDIDATES = st.builds(
    lambda reason, build: Candidate(
        schema=1,
        pin="llama.cpp",
        source="package-index engine",
        current="0.1.2",
        chosen=Release(
            version="0.1.3",
            build=build,
            assets={"ubuntu-x64": PublishedAsset(name="a.whl", sha256=SHA)},
        ),
        decisions=(Decision(version="0.1.3", chosen=True, reason=reason),),
        refused=(Refusal(version="0.2.0", reason=reason, evidence=(reason,), tree_sha256=SHA),),
        at=NOW,
    ),
    TEXT,
    st.none() | st.integers(1, 10**6),
)
BUNDLES = st.builds(
    lambda why, sizes: Bundle(
        schema=1,
        pin="llama.cpp",
        adapter="llama-server",
        platform="ubuntu-x64",
        version="0.1.3",
        provenance={
            "ubuntu-x64": Provenance(
                source="package-index engine",
                asset="a.whl",
                size=7,
                published_sha256=SHA,
                measured_sha256=SHA,
            )
        },
        server="bin/llama-server",
        files=tuple(
            BundleFile(
                path=f"bin/{number}",
                kind="library",
                size=size,
                sha256=SHA,
                why=why,
                edits=(Edit(what="name", old=f"lib/{number}", new=why),),
            )
            for number, size in enumerate(sizes)
        ),
        tree_sha256=SHA,
    ),
    TEXT,
    st.lists(st.integers(0, 2**40), max_size=4),
)
RESULTS = st.builds(
    lambda observed, status, verdict, ratio: GateResult(
        schema=1,
        verdict=verdict,
        engines=Engines(
            candidate=EngineFacts(
                pin="llama.cpp",
                version="0.1.3",
                tree_sha256=SHA,
                adapter="llama-server",
                platform="ubuntu-x64",
            )
        ),
        host=Host(system="a", machine="b", processor="c", cores=2, memory=1, python="3"),
        checks=(
            Check(
                id="loads/a",
                suite="loads",
                status=status,
                fault_class=FaultClass.NUMERIC,
                expected="ready",
                observed=observed,
            ),
        ),
        performance=(
            Measurement(
                metric="generation",
                ratio=ratio,
                low=ratio,
                high=ratio,
                pairs=36,
                restarts=12,
                verdict="ok",
            ),
        ),
        started=NOW,
        seconds=1.5,
    ),
    TEXT,
    st.sampled_from(Status),
    st.sampled_from(Verdict),
    st.floats(0, 10),
)


@given(st.one_of(CANDIDATES, BUNDLES, RESULTS))
def test_a_record_survives_being_written_and_read_to_the_byte(
    tmp_path_factory: pytest.TempPathFactory, record: Versioned
) -> None:
    path = tmp_path_factory.getbasetemp() / "record.json"
    dumped = documents.dump_json(record)
    documents.write(path, dumped)
    loaded = documents.load_json(path, type(record), error=RecordError)

    assert loaded == record
    assert documents.dump_json(loaded) == dumped


@given(BUNDLES)
def test_the_size_of_a_bundle_is_that_of_its_files(bundle: Bundle) -> None:
    assert bundle.size == sum(file.size for file in bundle.files)


def a_check(**changes: object) -> Check:
    value: dict[str, Any] = {
        "id": "loads/a",
        "suite": "loads",
        "status": "pass",
        "fault_class": "numeric",
        "expected": "",
        "observed": "",
    }
    return Check.model_validate(value | changes)


def a_file(**changes: object) -> BundleFile:
    value: dict[str, Any] = {"path": "a", "kind": "server", "size": 1, "sha256": SHA, "why": ""}
    return BundleFile.model_validate(value | changes)


def an_asset(**changes: object) -> PublishedAsset:
    return PublishedAsset.model_validate({"name": "a.whl", "sha256": SHA} | changes)


@pytest.mark.parametrize(
    ("build", "changes", "reason"),
    [
        (a_check, {"id": "Loads A"}, "should match pattern"),
        (a_check, {"status": "passed"}, "should be 'pass'"),
        (a_check, {"fault_class": "other"}, "should be 'packaging'"),
        (a_check, {"seconds": -1}, "greater than or equal to 0"),
        (a_check, {"seconds": float("inf")}, "finite number"),
        (a_check, {"note": ""}, "not permitted"),
        (a_file, {"path": "../a"}, "not a path inside the folder"),
        (a_file, {"path": "/a"}, "not a path inside the folder"),
        (a_file, {"kind": "program"}, "should be 'server'"),
        (a_file, {"edits": [{"what": "uuid"}]}, "should be 'name'"),
        (an_asset, {"sha256": None}, "valid string"),
        (an_asset, {"size": 0}, "greater than or equal to 1"),
        (an_asset, {"name": "a/b.whl"}, "should match pattern"),
    ],
)
def test_what_no_stage_writes_no_stage_reads(
    build: Callable[..., object], changes: dict[str, object], reason: str
) -> None:
    assert build()
    with pytest.raises(ValidationError, match=reason):
        build(**changes)


def test_a_file_of_an_old_record_was_not_edited_as_far_as_it_tells() -> None:
    assert a_file().edits == ()


def test_a_stale_record_of_another_schema_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "candidate.json"
    path.write_text('{"schema": 2, "pin": "a", "source": "b", "current": "1", "at": "2026-11-21"}')
    with pytest.raises(RecordError, match="`schema`: Input should be 1, found 2") as caught:
        documents.load_json(path, Candidate, error=RecordError)

    assert caught.value.exit_code == 2
