"""What `engine-ci audit` says of a folder."""

from __future__ import annotations

from engine_ci.pins.model import Platform
from engine_ci.records.bundle import AuditFinding
from engine_ci.system.documents import RelativePath, Sha256, Versioned


class Audit(Versioned):
    """An engine as it lies in a folder, judged.

    Attributes:
        server: the path of the program.
        images: paths of the program, its libraries and backends, sorted.
        system_libraries: names that the closure takes from the operating system, sorted.
        findings: errors first.
        tree_sha256: over path and content of every file but licences.
    """

    platform: Platform
    server: RelativePath
    images: tuple[RelativePath, ...]
    system_libraries: tuple[str, ...]
    findings: tuple[AuditFinding, ...]
    tree_sha256: Sha256

    @property
    def sound(self) -> bool:
        """Whether nothing that was found is an error."""
        return all(finding.level != "error" for finding in self.findings)
