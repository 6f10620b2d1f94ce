"""What became of a release that was tried."""

from __future__ import annotations

from engine_ci.bump import attempts
from engine_ci.errors import VerificationError
from engine_ci.pins.model import Commit
from engine_ci.records.candidate import Refusal
from engine_ci.records.gate import Status, Verdict
from tests.unit.bump import records

NEW, OLD = "e" * 64, "f" * 64


def test_an_engine_that_nobody_has_seen_is_tried() -> None:
    found = attempts.known(records.bundle(), current=records.before(), refused=())

    assert found is None


def test_the_pinned_engine_under_another_version_is_no_news() -> None:
    twin = records.bundle(tree_sha256=OLD)

    found = attempts.known(twin, current=records.before(), refused=())

    assert found is not None
    assert found.known
    assert found.reason == "its engine is byte for byte the one that is pinned (0.1.2)"


def test_a_refused_engine_under_another_version_names_the_one_that_was_gated() -> None:
    gated = Refusal(version="0.2.0", reason="it aborts", tree_sha256=NEW)
    twin = Refusal(version="0.1.5", reason="as 0.2.0", tree_sha256=NEW, known=True)

    found = attempts.known(
        records.bundle(version="0.1.4"), current=records.before(), refused=(twin, gated)
    )

    assert found is not None
    assert found.version == "0.1.4"
    assert found.reason == "its engine is byte for byte that of 0.2.0, which was refused"


def test_another_refused_engine_does_not_matter() -> None:
    other = Refusal(version="0.2.0", reason="it aborts", tree_sha256="0" * 64)

    assert attempts.known(records.bundle(), current=records.before(), refused=(other,)) is None


def test_the_pinned_commit_packaged_again_is_refused_without_a_try() -> None:
    again = records.bundle(commit=Commit(id="9a3bf2b" + "0" * 33))

    found = attempts.packaged_again(again, pin=records.pin())

    assert found is not None
    assert found.known
    assert found.reason == "it is the pinned commit 9a3bf2b again, and `rebuilds` is `never`"


def test_another_commit_or_an_unknown_one_is_no_package_of_the_pinned_one() -> None:
    assert attempts.packaged_again(records.bundle(), pin=records.pin()) is None
    assert attempts.packaged_again(records.bundle(commit=None), pin=records.pin()) is None


def test_only_known_bytes_are_free() -> None:
    tried = Refusal(version="0.2.0", reason="it aborts")
    known = Refusal(version="0.1.5", reason="as 0.2.0", known=True)

    assert attempts.costly((known, tried, known)) == 1


def test_what_blocked_is_the_evidence_with_the_last_words_of_the_engine() -> None:
    bad = records.check(
        "loads/smollm2-135m",
        status=Status.FAIL,
        expected="ready",
        observed="died of SIGABRT",
        detail="loading\nfree(): invalid pointer\n",
    )
    silent = records.check("tokens/stable", status=Status.ERROR, expected="ids", observed="none")
    said = records.check(
        "chat/x", status=Status.FAIL, expected="a", observed="b: last", detail="last"
    )
    harmless = records.check("drift/x", status=Status.FAIL, blocking=False)
    result = records.result(verdict=Verdict.FAIL, checks=(bad, silent, said, harmless))

    found = attempts.refused_by_gate(records.bundle(), result)

    assert found.reason == "the gate says fail: 3 of 4 checks"
    assert found.tree_sha256 == NEW
    assert found.evidence == (
        "loads/smollm2-135m: expected ready, observed died of SIGABRT: free(): invalid pointer",
        "tokens/stable: expected ids, observed none",
        "chat/x: expected a, observed b: last",
    )


def test_bytes_that_cannot_be_verified_refuse_their_release() -> None:
    found = attempts.refused_unprepared("0.2.0", VerificationError("expected this, found that"))

    assert (found.version, found.reason) == ("0.2.0", "expected this, found that")
    assert not found.known
