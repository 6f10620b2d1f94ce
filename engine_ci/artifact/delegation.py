"""An app's own command brings the engine; what it leaves is taken as it is, and judged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from engine_ci.errors import UsageError
from engine_ci.records.bundle import AuditFinding
from engine_ci.system import command, documents

if TYPE_CHECKING:
    from pathlib import Path

    from engine_ci.pins.model import Asset, Build, Platform
    from engine_ci.records.candidate import PublishedAsset

_TIMEOUT_S: Final = 3600.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Delegate:
    """Who brings the engine instead of us.

    Attributes:
        command: a program and its arguments.
        root: the app's folder, where it runs.
        leaves: the folder that holds the engine then.
        log: keeps what the command said.
    """

    command: tuple[str, ...]
    root: Path
    leaves: Path
    log: Path

    def run(
        self,
        *,
        version: str,
        build: Build | None,
        platform: Platform,
        file: Asset | PublishedAsset | None,
    ) -> None:
        """Runs the command, which is told in its environment what is wanted, and no token.

        Args:
            version: of the engine.
            build: upstream's, where the source says.
            platform: that it is for.
            file: that a candidate is made of; None for what the app's own files name.

        Raises:
            CommandError: it failed, is missing, or ran for an hour.
            UsageError: it left no folder where the configuration says.
        """
        wanted = {
            "ENGINE_CI_VERSION": version,
            "ENGINE_CI_BUILD": "" if build is None else str(build),
            "ENGINE_CI_PLATFORM": platform,
            **({"ENGINE_CI_ASSET": file.name, "ENGINE_CI_SHA256": file.sha256} if file else {}),
        }
        done = command.run(
            self.command,
            cwd=self.root,
            env=command.child_environment() | wanted,
            timeout_s=_TIMEOUT_S,
            check=False,
        )
        documents.write(self.log, done.stdout + done.stderr)
        if done.status != 0:
            raise command.failure(self.command, done)
        if not self.leaves.is_dir():
            raise UsageError(
                f"{self.leaves}: `{' '.join(self.command)}` left no such folder",
                hint="correct `bundle.prepare.leaves` in engine-ci.yaml",
            )

    def unvouched(self, server: str) -> AuditFinding:
        """What nobody here can say of what it left."""
        return AuditFinding(
            level="warning",
            path=server,
            message=f"`{' '.join(self.command)}` brought it: that it was made of the file in the "
            "pin, by sha256, was not seen here",
        )
