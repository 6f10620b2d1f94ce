"""A real attestation, by a real release workflow, and everything that may be wrong with one."""

from __future__ import annotations

import base64
import copy
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine_ci.artifact import attestation
from engine_ci.artifact.attestation import Workflow
from engine_ci.errors import VerificationError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

FIXTURES = Path(__file__).parents[3] / "fixtures/attestations"
SHA256 = "9bb1add04b1b4e182be6b0b80931593f7a291eb49d69b4fd728a5d4cbcdc4bd3"
COMMIT = "08802efe1f8e5fec4ad842d6b8ce97656092ee72"
BY = Workflow(
    repository="trailofbits/pypi-attestations",
    path=".github/workflows/release.yml",
    ref="refs/tags/v0.0.19",
)


def bundle(name: str = "release") -> dict[str, Any]:
    found: dict[str, Any] = json.loads((FIXTURES / f"{name}.json").read_text("utf-8"))
    return found


def refused(*bundles: dict[str, Any], sha256: str = SHA256, by: Workflow = BY) -> str:
    with pytest.raises(VerificationError) as caught:
        attestation.verify(bundles, sha256=sha256, by=by)
    return caught.value.message


def test_what_the_release_workflow_signed_names_the_commit_that_was_built() -> None:
    assert str(attestation.verify([bundle()], sha256=SHA256, by=BY)) == COMMIT


def test_it_vouches_for_no_other_file() -> None:
    assert "it is about other files" in refused(bundle(), sha256="0" * 64)


@pytest.mark.parametrize(
    "other",
    [
        replace(BY, ref="refs/heads/master"),
        replace(BY, path=".github/workflows/tests.yml"),
        replace(BY, repository="trailofbits/another"),
        replace(BY, repository="trailofbits/pypi-attestations-evil"),
    ],
)
def test_it_is_no_other_workflows(other: Workflow) -> None:
    assert "SANs do not match" in refused(bundle(), by=other)


def test_what_says_something_else_than_how_the_file_was_built_does_not_do() -> None:
    assert "https://slsa.dev/provenance/v1" in refused(bundle("publish"))


def payload(made: dict[str, Any]) -> None:
    signed = base64.b64decode(made["dsseEnvelope"]["payload"])
    other = signed.replace(SHA256.encode(), b"0" * 64)
    made["dsseEnvelope"]["payload"] = base64.b64encode(other).decode()


def payload_type(made: dict[str, Any]) -> None:
    made["dsseEnvelope"]["payloadType"] = "text/plain"


def signature(made: dict[str, Any]) -> None:
    made["dsseEnvelope"]["signatures"] = bundle("publish")["dsseEnvelope"]["signatures"]


def certificate(made: dict[str, Any]) -> None:
    made["verificationMaterial"]["certificate"] = bundle("publish")["verificationMaterial"][
        "certificate"
    ]


def identity_in_the_certificate(made: dict[str, Any]) -> None:
    raw = base64.b64decode(made["verificationMaterial"]["certificate"]["rawBytes"])
    other = raw.replace(b"refs/tags/v0.0.19", b"refs/tags/v9.9.99")
    made["verificationMaterial"]["certificate"]["rawBytes"] = base64.b64encode(other).decode()


def entry(made: dict[str, Any]) -> dict[str, Any]:
    (found,) = made["verificationMaterial"]["tlogEntries"]
    return dict[str, Any](found)


def another_entry(made: dict[str, Any]) -> None:
    made["verificationMaterial"]["tlogEntries"] = [entry(bundle("publish"))]


def no_entry(made: dict[str, Any]) -> None:
    made["verificationMaterial"]["tlogEntries"] = []


def time_of_the_entry(made: dict[str, Any]) -> None:
    # Within the ten minutes of the certificate, so that only the log's own signature tells.
    moved = int(entry(made)["integratedTime"]) + 60
    made["verificationMaterial"]["tlogEntries"] = [entry(made) | {"integratedTime": str(moved)}]


def root_of_the_log(made: dict[str, Any]) -> None:
    proof = entry(made)["inclusionProof"] | {"rootHash": base64.b64encode(bytes(32)).decode()}
    made["verificationMaterial"]["tlogEntries"] = [entry(made) | {"inclusionProof": proof}]


def promise_of_the_log(made: dict[str, Any]) -> None:
    promise = entry(bundle("publish"))["inclusionPromise"]
    made["verificationMaterial"]["tlogEntries"] = [entry(made) | {"inclusionPromise": promise}]


@pytest.mark.parametrize(
    "tamper",
    [
        payload,
        payload_type,
        signature,
        certificate,
        identity_in_the_certificate,
        another_entry,
        no_entry,
        time_of_the_entry,
        root_of_the_log,
        promise_of_the_log,
    ],
)
@pytest.mark.parametrize("by", [BY, replace(BY, ref="refs/tags/v9.9.99")])
@pytest.mark.parametrize("sha256", [SHA256, "0" * 64])
def test_a_tampered_one_is_refused(
    tamper: Callable[[dict[str, Any]], None], by: Workflow, sha256: str
) -> None:
    made = bundle()
    tamper(made)

    assert made != bundle()
    assert "no attestation holds for" in refused(made, sha256=sha256, by=by)


def leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:  # noqa: ANN401 - JSON
    """The paths of all texts in JSON."""
    if isinstance(value, dict | list):
        keys = value.items() if isinstance(value, dict) else enumerate(value)
        for key, inner in keys:
            yield from leaves(inner, (*path, key))
    elif isinstance(value, str):
        yield path


@settings(max_examples=60)
@given(
    path=st.sampled_from(sorted(leaves(bundle()), key=str)),
    place=st.integers(0, 1 << 14),
    character=st.characters(codec="utf-8"),
)
def test_whatever_is_changed_nothing_else_is_vouched_for(
    path: tuple[Any, ...], place: int, character: str
) -> None:
    made = copy.deepcopy(bundle())
    inner: Any = made
    for key in path[:-1]:
        inner = inner[key]
    text = inner[path[-1]]
    place %= len(text)
    inner[path[-1]] = text[:place] + character + text[place + 1 :]
    try:
        found = attestation.verify([made], sha256=SHA256, by=BY)
    except VerificationError:
        return
    assert str(found) == COMMIT


@pytest.mark.parametrize("made", [{}, {"mediaType": "x"}, {"verificationMaterial": []}])
def test_what_is_no_bundle_is_refused_as_one_that_does_not_hold(made: dict[str, Any]) -> None:
    assert "InvalidBundle" in refused(made)


def test_one_that_holds_is_enough() -> None:
    found = attestation.verify([{}, bundle("publish"), bundle()], sha256=SHA256, by=BY)

    assert str(found) == COMMIT


def test_no_more_are_looked_at_than_anybody_would_give() -> None:
    assert "InvalidBundle" in refused(*[{}] * 30, bundle())


def test_none_at_all_does_not_hold() -> None:
    assert refused().endswith("'there is none'")


def test_a_refusal_is_short_and_plain_whatever_stands_in_the_attestation() -> None:
    said = refused({"mediaType": "\x1b[2J" + "x" * 10_000})

    assert len(said) < 600
    assert said.isprintable()


def test_without_the_library_nothing_can_be_verified(monkeypatch: pytest.MonkeyPatch) -> None:
    assert attestation.can_verify()

    monkeypatch.setitem(sys.modules, "sigstore", None)

    assert not attestation.can_verify()
