"""`bundle.json`: what a bundle is made of, where it came from, and why each file is there."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, StringConstraints

from engine_ci.pins.model import AssetName, Build, Commit, Name, Patch, Platform, Version
from engine_ci.system.documents import CommitId, Document, RelativePath, Sha256, Versioned

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

# The name of the record, at the top of the bundle that it describes.
RECORD = "bundle.json"

Kind = Literal["server", "library", "backend", "resource", "licence"]


class Edit(Document):
    """One thing about a file that is otherwise in the bundle than it was in the archive.

    Attributes:
        what: `name` is the file's own, `dependency` that of a library that it asks for.
        old: None for what was not there.
        new: None for what is there no more.
    """

    what: Literal["name", "install name", "dependency", "run path", "signature"]
    old: str | None = None
    new: str | None = None


class BundleFile(Document):
    """A file that was kept, and why.

    Attributes:
        code_sha256: of an image, with what names its build set aside; None for any other file.
        edits: in their order; none of a file that is as it was.
    """

    path: RelativePath
    kind: Kind
    size: int
    sha256: Sha256
    code_sha256: Sha256 | None = None
    why: str
    edits: tuple[Edit, ...] = ()

    @property
    def counts(self) -> bool:
        """Whether it is part of the engine, as all but licences are."""
        return self.kind != "licence"

    @property
    def is_image(self) -> bool:
        """Whether the system's loader reads it."""
        return self.kind in ("server", "library", "backend")


class DroppedFile(Document):
    """A file of the artifact that is not in the bundle, and why."""

    path: RelativePath
    size: int
    why: str


class Attestation(Document):
    """Whether a workflow of upstream's vouches for a file; one that is wrong makes no bundle.

    Attributes:
        identity: the workflow that signed, with its branch.
        commit: that it built the file from.
        why: it was not verified.
    """

    state: Literal["verified", "absent", "not-checked"]
    identity: str | None = None
    commit: Commit | None = None
    why: str = ""


class Provenance(Document):
    """One platform's file. The published and the measured sha256 agree, or there is no bundle.

    Attributes:
        attestation: None where the source gives none.
    """

    source: str
    asset: AssetName
    size: int
    published_sha256: Sha256
    measured_sha256: Sha256
    attestation: Attestation | None = None


class BuiltFrom(Document):
    """How an engine was made of source code.

    Attributes:
        commit: upstream's, as the pin names it; None where nobody says.
        patched: the commit of the code with the app's patches; None where there are none.
        patches: in their order.
        toolchain: the first line of what each program says of its version.
    """

    commit: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{7,40}$")] | None = None
    patched: CommitId | None = None
    patches: tuple[Patch, ...] = ()
    flags: tuple[str, ...]
    toolchain: tuple[str, ...]


class AuditFinding(Document):
    """Something the audit noticed; an `error` never reaches a finished bundle."""

    level: Literal["note", "warning", "error"]
    path: RelativePath
    message: str


class Bundle(Versioned):
    """A prepared engine.

    Attributes:
        commit: read from the engine's own bytes; None when they do not tell.
        architectures: names of the model architectures that the engine's bytes list, sorted.
        provenance: every platform's file that was fetched and hashed, this bundle's own among them.
        built: None where upstream built it.
        server: the path of the program to start.
        files: in the order in which they were written, the program last.
        tree_sha256: over path and content of every file but licences: equal for equal engines.
        system_libraries: names that the closure takes from the operating system, sorted.
        signer: who signed it, where its system wants that; `builtin` was verified on Linux only.
        demands: what the system must have for it to start: its version and symbols on macOS,
            versions of symbols on Linux and the processor's level where a file tells, its own
            version on Windows; sorted.
    """

    pin: Name
    adapter: str
    platform: Platform
    version: Version
    build: Build | None = None
    rebuild: Annotated[int, Field(ge=0)] = 0
    commit: Commit | None = None
    architectures: tuple[str, ...] = ()
    provenance: dict[Platform, Provenance]
    built: BuiltFrom | None = None
    server: RelativePath
    files: tuple[BundleFile, ...]
    dropped: tuple[DroppedFile, ...] = ()
    system_libraries: tuple[str, ...] = ()
    signer: Literal["codesign", "builtin"] | None = None
    demands: tuple[str, ...] = ()
    findings: tuple[AuditFinding, ...] = ()
    tree_sha256: Sha256

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.size for file in self.files)

    @property
    def images(self) -> tuple[str, ...]:
        """Paths of the files that the system's loader reads, sorted."""
        return tuple(sorted(file.path for file in self.files if file.is_image))

    @property
    def code_sha256(self) -> str:
        """As `tree_sha256`, with what names a build set aside: equal for equal code."""
        code = {file.path: file.code_sha256 or file.sha256 for file in self.files if file.counts}
        return engine_sha256(code)

    def contradictions(self, present: Mapping[str, str]) -> Iterator[tuple[str, str]]:
        """Paths at which a folder is not as recorded, and how the record differs, for people.

        Args:
            present: the sha256 of every file in the folder, by path.
        """
        recorded = {file.path: file.sha256 for file in self.files}
        for path in sorted({*recorded, *present} - {RECORD}):
            if path not in recorded:
                yield path, f"{RECORD} does not name it"
            elif path not in present:
                yield path, f"{RECORD} names it, and it is not there"
            elif recorded[path] != present[path]:
                yield path, f"{RECORD} names other bytes"


def engine_sha256(digests: Mapping[str, str]) -> str:
    """The digest of an engine from those of its files, by path."""
    lines = sorted(f"{path}\0{digest}\n" for path, digest in digests.items())
    return hashlib.sha256("".join(lines).encode()).hexdigest()
