"""Pure. The pull request that would be opened: the new pin, the words, and draft or not."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

from engine_ci.bump import body
from engine_ci.errors import EngineError, HarnessError, UsageError, VerificationError
from engine_ci.pins import store
from engine_ci.pins.model import GitHubReleases, Pin
from engine_ci.pins.targets import moved
from engine_ci.records.gate import Verdict
from engine_ci.system.markdown import inert

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from engine_ci.config import PullRequestPolicy
    from engine_ci.pins.model import Asset, Platform
    from engine_ci.pins.targets import Target
    from engine_ci.records.bundle import Bundle
    from engine_ci.records.candidate import Candidate
    from engine_ci.records.gate import GateResult


@dataclass(frozen=True, kw_only=True, slots=True)
class File:
    """A file of the app's repository; `path` starts at its root."""

    path: str
    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """Everything that a pull request needs; nothing of it has happened yet.

    Attributes:
        before: the files that change, as this run found them, by path: the pin's first.
        after: the same, as they shall be.
        version: what is proposed, as upstream writes it.
        message: of the commit, without trailers.
        insists: whether a person asks for just this, so that one which was closed says nothing.
    """

    pin: str
    before: Mapping[str, str]
    after: Mapping[str, str]
    version: str
    branch: str
    title: str
    message: str
    body: str
    draft: bool
    insists: bool = False

    @property
    def diff(self) -> str:
        """The change to all files, as a unified diff."""
        changes = ((path, text, self.after[path]) for path, text in self.before.items())
        return "".join(chain.from_iterable(_diff(*change) for change in changes))


def make(
    pin: Pin,
    *,
    file: File,
    targets: Sequence[tuple[Target, File]],
    candidate: Candidate,
    bundle: Bundle,
    others: Sequence[tuple[Bundle | None, Bundle]],
    pinned: Bundle | None,
    result: GateResult,
    gate: str,
    argv: Sequence[str],
    commit: str,
    policy: PullRequestPolicy,
) -> Plan:
    """Plans the pull request for a candidate that was prepared and gated.

    Args:
        pin: the pin as it is.
        file: where it is written.
        targets: other places that carry it, each with its file; a file may come more than once.
        candidate: the outcome of `detect`.
        bundle: the candidate's, which was gated.
        others: for other platforms the pinned bundle, where there is one, and the candidate's,
            which were made and audited.
        pinned: the bundle of the engine as it is, where there is one.
        result: the outcome of `gate`.
        gate: the same, check by check, as safe Markdown.
        argv: how the app starts the engine.
        commit: of the app's repository, which the run started from.
        policy: how pull requests look here.

    Raises:
        VerificationError: the records are not about one engine, or the new pin would be incomplete.
        UsageError: the candidate is what is pinned already.
        ConfigError: a target does not find its place.
        EngineError, HarnessError: the gate's verdict may not be proposed.
    """
    _refuse_mixed(pin, candidate=candidate, bundle=bundle, result=result)
    draft = must_be_draft(result.verdict, policy=policy)
    new = pin_from(pin, bundle, others=[after for _, after in others])
    return Plan(
        pin=pin.name,
        before=texts(file, targets),
        after=moved_texts(file, targets, old=pin, new=new),
        version=new.version,
        branch=policy.branch,
        title=title(pin, new),
        message=message(pin, new),
        body=body.render(
            path=file.path,
            old=pin,
            new=new,
            candidate=candidate,
            bundle=bundle,
            before=pinned,
            elsewhere=others,
            result=result,
            gate=gate,
            argv=argv,
            commit=commit,
            draft=draft,
        ),
        draft=draft,
        insists=candidate.asked,
    )


def texts(file: File, targets: Sequence[tuple[Target, File]]) -> dict[str, str]:
    """The files that carry a pin, by path: the pin's first."""
    return {each.path: each.text for each in (file, *(found for _, found in targets))}


def moved_texts(
    file: File, targets: Sequence[tuple[Target, File]], *, old: Pin, new: Pin
) -> dict[str, str]:
    """The same with the new pin in place of the old one; ConfigError as for `make`."""
    after = {**texts(file, targets), file.path: store.dump(new)}
    for target, found in targets:
        after[found.path] = moved(after[found.path], target, old=old, new=new)
    return after


def pin_from(pin: Pin, bundle: Bundle, *, others: Sequence[Bundle] = ()) -> Pin:
    """The pin moved to a bundle's build; name, source, accepted wheel tags and holds stay.

    Of the bundles for this platform and for `others` it says what is in them.

    Raises:
        VerificationError: no commit is known, a platform of the pin was not fetched, its two
            hashes differ, or a bundle is of another version.
        UsageError: it is what is pinned already.
    """
    if bundle.commit is None:
        raise VerificationError(
            f"{pin.name} {bundle.version}: its bytes do not tell the upstream commit",
            hint="a pin names a commit, so this version cannot be pinned",
        )
    _refuse_other_versions(bundle, others)
    made = {each.platform: each for each in (*others, bundle)}
    platforms = {
        platform: _asset(platform, old=asset, bundle=bundle) | _inside(made.get(platform))
        for platform, asset in pin.platforms.items()
    }
    new = Pin.model_validate(
        pin.model_dump()
        | {
            "version": bundle.version,
            "build": bundle.build,
            "rebuild": bundle.rebuild,
            "commit": bundle.commit.model_dump(),
            "platforms": platforms,
        }
    )
    if new == pin:
        raise UsageError(f"{pin.name} {pin.version} is pinned already: there is nothing to propose")
    return new


def must_be_draft(verdict: Verdict, *, policy: PullRequestPolicy) -> bool:
    """Whether a verdict may only be proposed as a draft.

    Raises:
        HarnessError: the gate could not ask, so nothing is known.
        EngineError: the gate says no, and the policy opens no draft for that.
    """
    if verdict is Verdict.ERROR:
        raise HarnessError(
            "the gate ended with `error`: nothing is proposed on questions that were not asked",
            hint="the report says which check could not be asked; run the gate again",
        )
    if verdict is Verdict.PASS:
        return False
    if verdict.value in policy.draft_on:
        return True
    if verdict is Verdict.FAIL:
        raise EngineError(
            "the gate ended with `fail`, and `pull_request.draft_on` does not list it",
            hint="the report says which checks failed",
        )
    return False


def title(old: Pin, new: Pin, *, does: str = "Bump") -> str:
    """The subject of commit and pull request; a version that is no build says of what it is."""
    package = None if isinstance(new.source, GitHubReleases) else new.source.package
    of = f" ({package})" if package else ""
    # A version may be written like a reference to an issue, `GH-12`.
    return inert(f"{does} {new.name} from {old.version} to {new.version}{of}")


def message(old: Pin, new: Pin, *, does: str = "Bump") -> str:
    """The commit message without trailers, equal for equal pins."""
    files = [
        f"{name}: {inert(asset.name)}\n  sha256 {asset.sha256}" for name, asset in _assets(new)
    ]
    commit = f"Upstream commit {new.commit} (before: {old.commit})."
    return "\n\n".join([title(old, new, does=does), commit, "\n".join(files)])


def _diff(path: str, before: str, after: str) -> Iterator[str]:
    old, new = (text.splitlines(keepends=True) for text in (before, after))
    for line in difflib.unified_diff(old, new, fromfile=f"a/{path}", tofile=f"b/{path}"):
        yield line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"


def _assets(pin: Pin) -> list[tuple[str, Asset]]:
    return sorted(pin.platforms.items())


def _asset(platform: Platform, *, old: Asset, bundle: Bundle) -> dict[str, object]:
    file = bundle.provenance.get(platform)
    if file is None:
        raise VerificationError(
            f"{bundle.pin} {bundle.version}: nothing was fetched for {platform}",
            hint="a pin is complete: `prepare` has to fetch and hash the file of every platform",
        )
    if file.published_sha256 != file.measured_sha256:
        raise VerificationError(
            f"{file.asset}: sha256 published {file.published_sha256}, measured "
            f"{file.measured_sha256}",
            hint="do not use this file; tell whoever publishes it",
        )
    return {
        "name": file.asset,
        "size": file.size,
        "sha256": file.measured_sha256,
        "wheel_tags": old.wheel_tags,
    }


def _inside(bundle: Bundle | None) -> dict[str, object]:
    """What is known of a bundle that was made."""
    return {} if bundle is None else {"images": bundle.images, "tree_sha256": bundle.tree_sha256}


def _refuse_other_versions(bundle: Bundle, others: Sequence[Bundle]) -> None:
    for other in others:
        if (other.pin, other.version) != (bundle.pin, bundle.version):
            raise VerificationError(
                f"the bundle for {other.platform} is of {other.pin} {other.version}, "
                f"expected {bundle.pin} {bundle.version}",
                hint="prepare it again",
            )


def _refuse_mixed(pin: Pin, *, candidate: Candidate, bundle: Bundle, result: GateResult) -> None:
    """Refuses records of different runs: what was gated is what is proposed, or nothing is."""
    chosen = candidate.chosen.version if candidate.chosen else "none"
    tested = result.engines.candidate
    pairs = (
        ("candidate.json is for pin", candidate.pin, pin.name),
        ("candidate.json starts from version", candidate.current, pin.version),
        ("bundle.json is for pin", bundle.pin, pin.name),
        ("bundle.json holds version", bundle.version, chosen),
        ("gate.json tested an engine with the hash", tested.tree_sha256, bundle.tree_sha256),
    )
    for what, found, expected in pairs:
        if found != expected:
            raise VerificationError(
                f"{what} {found}, expected {expected}",
                hint="run `detect`, `prepare` and `gate` again, one after the other",
            )
