"""What is known of who vouches for a file, and what happens where nobody does."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from engine_ci.artifact import vouching
from engine_ci.artifact.attestation import Workflow
from engine_ci.artifact.vouching import Answer, Attester, Vouching
from engine_ci.errors import Exit, GitHubError, VerificationError
from engine_ci.pins.model import Commit
from engine_ci.records.bundle import Attestation, Provenance

if TYPE_CHECKING:
    from collections.abc import Sequence

FIXTURES = Path(__file__).parents[3] / "fixtures/attestations"
SHA256 = "9bb1add04b1b4e182be6b0b80931593f7a291eb49d69b4fd728a5d4cbcdc4bd3"
COMMIT = Commit(id="08802efe1f8e5fec4ad842d6b8ce97656092ee72")
REPOSITORY = "trailofbits/pypi-attestations"
NAME = "llama-b11434-bin-ubuntu-x64.tar.gz"
ATTESTER = Attester(workflow=".github/workflows/release.yml", ref="refs/tags/v0.0.19", since=10502)


@pytest.fixture(autouse=True)
def known(monkeypatch: pytest.MonkeyPatch) -> None:
    """The repository whose real attestation is here is one that must have one."""
    monkeypatch.setattr(vouching, "attesters", lambda: {REPOSITORY: ATTESTER})


def real() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((FIXTURES / "release.json").read_text("utf-8"))
    return found


def judged(
    *bundles: dict[str, Any],
    build: int | None = 11434,
    sha256: str = SHA256,
    repository: str = REPOSITORY,
) -> Attestation:
    def ask(asked: str) -> Sequence[dict[str, Any]]:
        assert asked == sha256
        return bundles

    return Vouching(repository=repository, ask=ask).of(NAME, sha256=sha256, build=build)


def test_a_file_that_the_workflow_signed_is_verified() -> None:
    found = judged(real())

    assert found == Attestation(
        state="verified",
        identity=str(
            Workflow(repository=REPOSITORY, path=ATTESTER.workflow, ref="refs/tags/v0.0.19")
        ),
        commit=COMMIT,
    )


@pytest.mark.parametrize("build", [10501, 10502, None])
def test_one_that_is_there_must_hold_whatever_the_build(build: int | None) -> None:
    with pytest.raises(VerificationError, match="it is about other files") as caught:
        judged(real(), build=build, sha256="0" * 64)

    assert caught.value.exit_code == Exit.VERIFICATION


def test_a_file_is_asked_about_once_and_again_as_that_of_another_build() -> None:
    asked: list[str] = []

    def ask(sha256: str) -> Sequence[dict[str, Any]]:
        asked.append(sha256)
        return ()

    known = Vouching(repository=REPOSITORY, ask=ask)

    one, again = (known.of(NAME, sha256=SHA256, build=1) for _ in range(2))
    with pytest.raises(VerificationError, match="expected an attestation of it"):
        known.of(NAME, sha256=SHA256, build=10502)

    assert one == again == Attestation(state="absent", why="upstream signs from b10502 on")
    assert asked == [SHA256] * 2


@pytest.mark.parametrize("build", [1, 10501, None])
def test_none_is_expected_of_builds_that_upstream_did_not_sign(build: int | None) -> None:
    found = judged(build=build)

    assert found == Attestation(state="absent", why="upstream signs from b10502 on")


@pytest.mark.parametrize("build", [10502, 11434])
def test_from_then_on_a_file_without_one_is_refused(build: int) -> None:
    with pytest.raises(VerificationError, match=f"{NAME}: expected an attestation of it"):
        judged(build=build)


def test_nobody_is_asked_where_the_answer_could_not_be_verified(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "sigstore", None)

    def ask(_: str) -> Sequence[dict[str, Any]]:
        pytest.fail("asked")

    found = Vouching(repository=REPOSITORY, ask=ask).of(NAME, sha256=SHA256, build=11434)

    assert found == Attestation(
        state="not-checked",
        why="sigstore is not installed: `pip install 'engine-ci[attestations]'`",
    )


def test_of_a_repository_that_nobody_knows_a_workflow_of_nothing_is_checked() -> None:
    found = judged(repository="somebody/llama.cpp")

    assert found.state == "not-checked"
    assert "no workflow of somebody/llama.cpp is known" in found.why


def test_an_upstream_that_cannot_be_asked_is_no_answer() -> None:
    def ask(_: str) -> Sequence[dict[str, Any]]:
        raise GitHubError("it is down")

    with pytest.raises(GitHubError):
        Vouching(repository=REPOSITORY, ask=ask).of(NAME, sha256=SHA256, build=11434)


def test_what_github_answers_holds_the_bundles() -> None:
    said = {"repository_id": 612354784, "bundle_url": "https://x/y", "initiator": "user"}
    answer = Answer.model_validate_json(
        json.dumps({"attestations": [said | {"bundle": real()}, said | {"bundle": None}, said]})
    )

    assert judged(*answer.bundles).state == "verified"
    assert len(answer.bundles) == 1
    assert vouching.address(REPOSITORY, sha256=SHA256) == (
        f"repos/trailofbits/pypi-attestations/attestations/sha256:{SHA256}"
    )


def provenance(attestation: Attestation | None) -> Provenance:
    return Provenance(
        source="github-releases ggml-org/llama.cpp",
        asset=NAME,
        size=1,
        published_sha256=SHA256,
        measured_sha256=SHA256,
        attestation=attestation,
    )


def test_what_is_not_vouched_for_is_warned_of() -> None:
    verified = provenance(Attestation(state="verified", identity="x", commit=COMMIT))
    absent = provenance(Attestation(state="absent", why="too old"))
    unchecked = provenance(Attestation(state="not-checked", why="no library"))

    found = list(vouching.findings([verified, provenance(None), absent, unchecked]))

    assert {(each.level, each.path) for each in found} == {("warning", NAME)}
    assert [each.message for each in found] == [
        "its attestation is absent: too old",
        "its attestation is not checked: no library",
    ]


def test_llama_cpps_own_workflow_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()

    attester = vouching.attesters()["ggml-org/llama.cpp"]
    by = Workflow(repository="ggml-org/llama.cpp", path=attester.workflow, ref=attester.ref)

    assert attester.since == 10502
    assert str(by) == (
        "https://github.com/ggml-org/llama.cpp/.github/workflows/release.yml@refs/heads/master"
    )
