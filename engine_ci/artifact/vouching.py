"""Whether upstream's own workflow vouches for a release's file, as far as that can be told here."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import yaml
from pydantic import BaseModel, StringConstraints, TypeAdapter

from engine_ci.artifact import attestation
from engine_ci.artifact.attestation import Workflow
from engine_ci.errors import VerificationError
from engine_ci.pins.model import Build, Repository
from engine_ci.records.bundle import Attestation, AuditFinding
from engine_ci.system.documents import Document, RelativePath, Sha256

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from engine_ci.records.bundle import Provenance

# By build too: what may lack an attestation in an old one must have it in a newer one.
Vouched: TypeAlias = dict[tuple[Sha256, Build | None], Attestation]


class Attester(Document):
    """The workflow that signs for the releases of a repository.

    Attributes:
        workflow: its file.
        ref: the branch that it runs on.
        since: the first build that is signed; every later one must be.
    """

    workflow: RelativePath
    ref: Annotated[str, StringConstraints(pattern=r"^refs/[A-Za-z0-9._/-]+$")]
    since: Build


class _Given(BaseModel):
    bundle: dict[str, Any] | None = None


class Answer(BaseModel):
    """What GitHub's API answers where it is asked for the attestations of a file."""

    attestations: list[_Given]

    @property
    def bundles(self) -> list[dict[str, Any]]:
        """Those that are in it."""
        return [given.bundle for given in self.attestations if given.bundle is not None]


def address(repository: Repository, *, sha256: str) -> str:
    """Where that API is asked; a file that it has none for is not there."""
    return f"repos/{repository}/attestations/sha256:{sha256}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Vouching:
    """Asks who vouches for the files of one repository's releases.

    Attributes:
        repository: on GitHub.
        ask: the attestations that it has of a file, by sha256, as Sigstore's bundles.
        known: what was found out before, by sha256 and build.
    """

    repository: Repository
    ask: Callable[[str], Sequence[Mapping[str, Any]]]
    known: Vouched = field(default_factory=dict)

    def of(self, asset: str, *, sha256: str, build: int | None) -> Attestation:
        """What is known of a file, asked for and verified once.

        Args:
            asset: its name.
            sha256: as measured here.
            build: upstream's number.

        Raises:
            VerificationError: it is signed by somebody else, or not at all where it has to be.
            OutsideError: upstream could not be asked.
        """
        if (sha256, build) not in self.known:
            self.known[sha256, build] = self._found(asset, sha256=sha256, build=build)
        return self.known[sha256, build]

    def _found(self, asset: str, *, sha256: str, build: int | None) -> Attestation:
        attester = attesters().get(self.repository)
        if attester is None:
            return _not_checked(f"no workflow of {self.repository} is known to sign its releases")
        if not attestation.can_verify():
            return _not_checked(
                "sigstore is not installed: `pip install 'engine-ci[attestations]'`"
            )
        bundles = self.ask(sha256)
        since = f"upstream signs from b{attester.since} on"
        if bundles:
            by = Workflow(repository=self.repository, path=attester.workflow, ref=attester.ref)
            commit = attestation.verify(bundles, sha256=sha256, by=by)
            return Attestation(state="verified", identity=str(by), commit=commit)
        if build is None or build < attester.since:
            return Attestation(state="absent", why=since)
        raise VerificationError(
            f"{asset}: expected an attestation of it, as {since}, found none",
            hint="do not use this file unless upstream says why",
        )


def findings(files: Iterable[Provenance]) -> Iterator[AuditFinding]:
    """A warning for each file that should be vouched for and is not known to be."""
    for file in files:
        told = file.attestation
        if told is not None and told.state != "verified":
            message = f"its attestation is {told.state.replace('-', ' ')}: {told.why}"
            yield AuditFinding(level="warning", path=file.asset, message=message)


@cache
def attesters() -> Mapping[str, Attester]:
    """All that are known, by repository."""
    text = resources.files("engine_ci.artifact").joinpath("attesters.yaml").read_text("utf-8")
    return TypeAdapter(dict[Repository, Attester]).validate_python(yaml.safe_load(text))


def _not_checked(why: str) -> Attestation:
    return Attestation(state="not-checked", why=why)
