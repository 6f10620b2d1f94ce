"""Verifies what a workflow of GitHub's signed about a file: an attestation, through Sigstore.

The signature, the certificate behind it and its entry in the public log are judged by the library
`sigstore`, against the keys that came with it; nothing is asked of the network.
"""

from __future__ import annotations

import importlib.util
import json
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING, Any, Final, Literal

from pydantic import BaseModel, Field, Json

from engine_ci.errors import VerificationError
from engine_ci.pins.model import Commit

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sigstore.models import Bundle
    from sigstore.verify import Verifier
    from sigstore.verify.policy import VerificationPolicy

_ISSUER: Final = "https://token.actions.githubusercontent.com"
_GITHUB: Final = "https://github.com"
_INSTANCE: Final = "sigstore.dev"  # the public one, beside the one for its own tests
_SOURCE_COMMIT: Final = "1.3.6.1.4.1.57264.1.13"
# A text of 40 characters, as ASN.1 has it.
_TEXT_OF_40: Final = b"\x0c\x28"
_MOST: Final = 30
_LONGEST: Final = 300


@dataclass(frozen=True, kw_only=True, slots=True)
class Workflow:
    """Who is trusted to sign.

    Attributes:
        repository: `owner/name`, on GitHub.
        path: of the workflow's file in it.
        ref: the branch or tag that it runs on, whole: `refs/heads/master`.
    """

    repository: str
    path: str
    ref: str

    def __str__(self) -> str:
        """As its certificate names it."""
        return f"{_GITHUB}/{self.repository}/{self.path}@{self.ref}"


class _Digests(BaseModel):
    sha256: str = ""


class _Subject(BaseModel):
    digest: _Digests


class _Statement(BaseModel):
    """How some files were built."""

    kind: Literal["https://in-toto.io/Statement/v1"] = Field(alias="_type")
    predicate: Literal["https://slsa.dev/provenance/v1"] = Field(alias="predicateType")
    subject: list[_Subject]


class _Signed(BaseModel):
    """What is signed, with its type."""

    kind: Literal["application/vnd.in-toto+json"]
    payload: Json[_Statement]


def can_verify() -> bool:
    """Whether the library is installed: the extra `attestations`."""
    return importlib.util.find_spec("sigstore") is not None


def verify(bundles: Sequence[Mapping[str, Any]], *, sha256: str, by: Workflow) -> Commit:
    """The commit that a workflow says it built a file from.

    Args:
        bundles: Sigstore's, as GitHub gives them out for the file; one that holds is enough.
        sha256: of the file, as measured here.
        by: who must have signed.

    Raises:
        VerificationError: none of them holds, with the reason for the last one.
    """
    problem = "there is none"
    for bundle in bundles[:_MOST]:
        try:
            return _commit(bundle, sha256=sha256, by=by)
        except Exception as error:  # noqa: BLE001 - whatever a stranger's bytes make the libraries raise, they do not hold
            problem = f"{type(error).__name__}: {error}"
    raise VerificationError(
        f"no attestation holds for the sha256 {sha256} as signed by {by}: {problem[:_LONGEST]!a}",
        hint="do not use this file; if upstream's releases all fail, upgrade `sigstore`, whose "
        "keys may be older than the attestation",
    )


def _commit(bundle: Mapping[str, Any], *, sha256: str, by: Workflow) -> Commit:
    """The commit of one bundle; whatever the libraries raise, where it does not hold."""
    from sigstore.models import Bundle  # noqa: PLC0415 - optional, and slow to load

    signed = Bundle.from_json(json.dumps(bundle))
    kind, payload = _verifier().verify_dsse(signed, _policy(by))
    said = _Signed.model_validate({"kind": kind, "payload": payload})
    if sha256 not in {subject.digest.sha256 for subject in said.payload.subject}:
        raise VerificationError("it is about other files")
    return _built_from(signed)


def _verifier() -> Verifier:
    """With the keys that the library brought, not those of a cache, which may be older."""
    from sigstore.models import TrustedRoot  # noqa: PLC0415 - optional
    from sigstore.verify import Verifier  # noqa: PLC0415 - optional

    stores = resources.files("sigstore").joinpath("_store").iterdir()
    store = next(each for each in stores if each.name.endswith(_INSTANCE))
    with resources.as_file(store.joinpath("trusted_root.json")) as keys:
        return Verifier(trusted_root=TrustedRoot.from_file(str(keys)))


def _policy(by: Workflow) -> VerificationPolicy:
    from sigstore.verify import policy  # noqa: PLC0415 - optional

    return policy.AllOf(
        [
            policy.OIDCIssuerV2(_ISSUER),
            policy.Identity(identity=str(by)),
            policy.OIDCSourceRepositoryURI(f"{_GITHUB}/{by.repository}"),
        ]
    )


def _built_from(signed: Bundle) -> Commit:
    """The commit that its certificate names."""
    from cryptography.x509 import ObjectIdentifier  # noqa: PLC0415 - optional

    extensions = signed.signing_certificate.extensions
    found = extensions.get_extension_for_oid(ObjectIdentifier(_SOURCE_COMMIT)).value
    return Commit(id=found.public_bytes().removeprefix(_TEXT_OF_40).decode())
