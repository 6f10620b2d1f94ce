"""Tries a release: makes its bundle, holds its bytes against those known, and has it gated."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine_ci.cli import gate as gate_command
from engine_ci.errors import BuildError, HarnessError, VerificationError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from engine_ci.cli.progress import Progress
    from engine_ci.cli.workspace import Workspace
    from engine_ci.config import Rebuilds
    from engine_ci.pins.model import Platform
    from engine_ci.records.bundle import Bundle
    from engine_ci.records.candidate import Refusal, Release


@dataclass(frozen=True, kw_only=True, slots=True)
class Trial:
    """What every release of a run is tried with.

    Attributes:
        platform: of this machine.
        current: the pinned bundle.
        elsewhere: the pinned ones for other platforms, None where it cannot be made.
        suites: that the gate asks.
        runner: the label of this machine.
    """

    workspace: Workspace
    platform: Platform
    current: Bundle
    elsewhere: Mapping[Platform, Bundle | None]
    suites: Sequence[str]
    runner: str | None
    say: Progress

    def refusal(
        self, release: Release, *, rebuilds: Rebuilds, refused: Sequence[Refusal]
    ) -> Refusal | None:
        """Why a release is refused; None when it may be proposed, prepared and gated as it is.

        Args:
            release: a newer one.
            rebuilds: whether the pinned code again, packaged anew, is what the app wants.
            refused: what this run refused before.

        Raises:
            HarnessError: the gate could not ask its questions.
        """
        from engine_ci.bump import attempts

        try:
            bundle = self._bundle(release)
            again = self._again(bundle, release, rebuilds=rebuilds, refused=refused)
        except (VerificationError, BuildError) as error:
            return attempts.refused_unprepared(release.version, error)
        return again or self._refused_by_gate(bundle)

    def _again(
        self,
        bundle: Bundle,
        release: Release,
        *,
        rebuilds: Rebuilds,
        refused: Sequence[Refusal],
    ) -> Refusal | None:
        """The refusal of an engine that is known; bundles for others are made where it is not."""
        from engine_ci.bump import attempts

        again = attempts.refused_again(bundle, refused=refused)
        if again is None and rebuilds == "never":
            again = attempts.packaged_again(bundle, pin=self.workspace.pin)
        if again is not None:
            return again
        others = [
            (pinned, self._bundle(release, elsewhere=platform))
            for platform, pinned in self.elsewhere.items()
        ]
        return attempts.pinned_again(
            bundle, current=self.current, elsewhere=others, in_trouble=rebuilds == "always"
        )

    def _bundle(self, release: Release, *, elsewhere: Platform | None = None) -> Bundle:
        """Makes the bundle of a release for this machine, or for another platform."""
        from engine_ci.cli import bundles

        workspace = self.workspace
        into = workspace.candidate
        if elsewhere is not None:
            into = workspace.elsewhere(elsewhere, of="candidate")
        return bundles.make(
            workspace, release, into=into, platform=elsewhere or self.platform, say=self.say
        )

    def _refused_by_gate(self, bundle: Bundle) -> Refusal | None:
        """The refusal of a bundle that fails the gate, whose results are kept apart then."""
        from engine_ci.bump import attempts
        from engine_ci.records.gate import Verdict

        workspace = self.workspace
        result = gate_command.run(
            workspace.config,
            root=workspace.root,
            cache=workspace.cache,
            candidate=workspace.candidate,
            baseline=workspace.baseline,
            suites=self.suites,
            out=workspace.gate,
            say=self.say,
            told=self.say.suites,
            runner=self.runner,
        )
        if result.verdict is Verdict.ERROR:
            raise HarnessError(
                f"{bundle.version}: the gate could not ask all its questions",
                hint=f"{workspace.gate} says which; the next run tries again",
            )
        if result.verdict is not Verdict.FAIL:
            return None
        workspace.refused.mkdir(parents=True, exist_ok=True)
        workspace.gate.rename(workspace.refused / bundle.version)
        return attempts.refused_by_gate(bundle, result)


def prepared(
    workspace: Workspace, *, suites: Sequence[str], runner: str | None, say: Progress
) -> Trial:
    """Makes what releases are held against: the bundles of the pin, once its tag was looked at.

    Raises:
        VerificationError: the tag of the pinned release was moved.
    """
    from engine_ci.artifact import commits
    from engine_ci.cli import bundle_request, bundles, doors
    from engine_ci.cli.platforms import known_platform

    platform, pin = known_platform(None), workspace.pin
    said = {"the pin": pin.commit, **doors.tagged(workspace, pin.version)}
    commits.agree(said, version=pin.version)
    current = bundles.make(workspace, pin, into=workspace.baseline, platform=platform, say=say)
    elsewhere = {
        other: _pinned_for(workspace, other, say=say)
        for other in pin.platforms
        if other != platform and bundle_request.makes(workspace, other)
    }
    return Trial(
        workspace=workspace,
        platform=platform,
        current=current,
        elsewhere=elsewhere,
        suites=suites,
        runner=runner,
        say=say,
    )


def _pinned_for(workspace: Workspace, platform: Platform, *, say: Progress) -> Bundle | None:
    """The pinned bundle of another platform, where one can be made."""
    from engine_ci.cli import bundles

    into = workspace.elsewhere(platform, of="baseline")
    try:
        return bundles.make(workspace, workspace.pin, into=into, platform=platform, say=say)
    except VerificationError as error:
        say(f"the pinned engine has no bundle for {platform}: {error}")
        return None
