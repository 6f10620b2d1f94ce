"""What became of a release that was tried."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine_ci.bump import attempts
from engine_ci.errors import VerificationError
from engine_ci.pins.model import Commit
from engine_ci.records.bundle import BundleFile
from engine_ci.records.candidate import Refusal
from engine_ci.records.gate import Status, Verdict
from tests.unit.bump import records

if TYPE_CHECKING:
    from engine_ci.records.bundle import Bundle

NEW = "e" * 64


def rebuilt(bundle: Bundle, **changes: object) -> Bundle:
    """The same code in other bytes."""
    files = [
        file.model_copy(update={"sha256": "9" * 64, "code_sha256": file.sha256})
        if file.is_image
        else file
        for file in bundle.files
    ]
    return bundle.model_copy(update={"files": tuple(files), "tree_sha256": "9" * 64} | changes)


def twin(**changes: object) -> Bundle:
    """The pinned engine under another version."""
    return records.before(version="0.1.3", **changes)


def gated(bundle: Bundle, **changes: object) -> Refusal:
    """What became of it in the gate."""
    digests = {"tree_sha256": bundle.tree_sha256, "code_sha256": bundle.code_sha256}
    values: dict[str, Any] = {"version": "0.2.0", "reason": "it aborts"}
    return Refusal.model_validate(values | digests | changes)


def test_an_engine_that_nobody_has_seen_is_tried() -> None:
    assert attempts.pinned_again(records.bundle(), current=records.before()) is None
    assert attempts.refused_again(records.bundle(), refused=()) is None


def test_the_pinned_engine_under_another_version_is_no_news() -> None:
    found = attempts.pinned_again(twin(), current=records.before())

    assert found is not None
    assert found.known
    assert (found.version, found.tree_sha256) == ("0.1.3", records.before().tree_sha256)
    assert found.reason == "its engine is byte for byte the one that is pinned (0.1.2)"


def test_neither_is_its_code_in_another_build() -> None:
    found = attempts.pinned_again(rebuilt(twin()), current=records.before())

    assert found is not None
    assert found.known
    assert found.code_sha256 == records.before().code_sha256
    assert found.reason == (
        "its code is byte for byte the one that is pinned (0.1.2): "
        "only signatures, build IDs and the names of the build differ"
    )


def test_other_code_is_news_however_little_of_it() -> None:
    changed = rebuilt(twin())
    server, *others = changed.files
    files = (server.model_copy(update={"code_sha256": "8" * 64}), *others)

    other = changed.model_copy(update={"files": files})

    assert attempts.pinned_again(other, current=records.before()) is None


def test_so_is_a_file_that_is_no_image() -> None:
    changed = rebuilt(twin())
    shader = BundleFile(path="x.metal", kind="resource", size=1, sha256="8" * 64, why="wanted")

    other = changed.model_copy(update={"files": (*changed.files, shader)})

    assert attempts.pinned_again(other, current=records.before()) is None


def test_another_licence_is_none() -> None:
    changed = twin()
    *images, licence = changed.files
    files = (*images, licence.model_copy(update={"sha256": "8" * 64}))

    other = changed.model_copy(update={"files": files})

    assert attempts.pinned_again(other, current=records.before()) is not None


def test_what_changed_for_another_system_is_news() -> None:
    mac = records.before(platform="macos-arm64")
    changed = records.bundle(platform="macos-arm64")

    def found(*elsewhere: tuple[Bundle | None, Bundle]) -> Refusal | None:
        return attempts.pinned_again(twin(), current=records.before(), elsewhere=elsewhere)

    assert found((mac, changed)) is None
    assert found((None, mac)) is None
    same = found((mac, mac))
    assert same is not None
    assert "its engine" in same.reason
    resigned = found((mac, rebuilt(mac)))
    assert resigned is not None
    assert "its code" in resigned.reason


def test_a_rebuild_of_a_pin_in_trouble_is_what_the_app_waits_for() -> None:
    current = records.before()

    assert attempts.pinned_again(twin(), current=current, in_trouble=True) is None
    assert attempts.pinned_again(rebuilt(twin()), current=current, in_trouble=True) is None


def test_a_refused_engine_under_another_version_names_the_one_that_was_gated() -> None:
    bundle = records.bundle(version="0.1.4")
    earlier = gated(bundle)
    again = gated(bundle, version="0.1.5", reason="as 0.2.0", known=True)

    found = attempts.refused_again(bundle, refused=(again, earlier))

    assert found is not None
    assert found.known
    assert found.version == "0.1.4"
    assert found.reason == "its engine is byte for byte that of 0.2.0, which was refused"


def test_so_does_its_code_in_another_build() -> None:
    bundle = records.bundle(version="0.1.4")

    found = attempts.refused_again(rebuilt(bundle), refused=(gated(bundle),))

    assert found is not None
    assert found.reason == (
        "its code is byte for byte that of 0.2.0, which was refused: "
        "only signatures, build IDs and the names of the build differ"
    )


def test_another_refused_engine_does_not_matter() -> None:
    unprepared = Refusal(version="0.1.9", reason="damaged")

    refused = (unprepared, gated(records.before()))

    assert attempts.refused_again(records.bundle(), refused=refused) is None


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
    assert found.code_sha256 == records.bundle().code_sha256
    assert found.evidence == (
        "loads/smollm2-135m: expected ready, observed died of SIGABRT: free(): invalid pointer",
        "tokens/stable: expected ids, observed none",
        "chat/x: expected a, observed b: last",
    )


def test_bytes_that_cannot_be_verified_refuse_their_release() -> None:
    found = attempts.refused_unprepared("0.2.0", VerificationError("expected this, found that"))

    assert (found.version, found.reason) == ("0.2.0", "expected this, found that")
    assert not found.known
