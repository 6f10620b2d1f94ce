"""Pure. The way back: which build was pinned before, its pin, and the pull request with a hold."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from engine_ci.bump import body, plan
from engine_ci.bump.plan import Plan
from engine_ci.errors import PinError, UsageError
from engine_ci.pins import holds, store
from engine_ci.pins.model import Pin
from engine_ci.releases.held import held
from engine_ci.releases.listing import current

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import date

    from engine_ci.bump.plan import File
    from engine_ci.config import PullRequestPolicy
    from engine_ci.pins.model import Hold
    from engine_ci.pins.targets import Target
    from engine_ci.system.git import Earlier

_DOES: Final = "Roll back"
# So many lines of the reason, and so many versions in an error, are shown.
_LINES, _VERSIONS = 20, 10


@dataclass(frozen=True, kw_only=True, slots=True)
class Pinned:
    """What the pin was; `commit` is the last one of the app's repository that had it."""

    commit: str
    pin: Pin


def read(texts: Iterable[Earlier]) -> Iterator[Pinned]:
    """The pins in what a pin file said before; a text that is none was never one to go back to."""
    for each in texts:
        with suppress(PinError):
            yield Pinned(commit=each.commit, pin=store.parse(each.text, name=each.commit))


def choose(
    pin: Pin, earlier: Iterable[Pinned], *, to: str | None, shallow: bool, today: date
) -> Pinned:
    """The pin to go back to: the last one that is not held, or the last one of a build.

    Args:
        pin: as it is.
        earlier: what it was before each of its moves, the last one first.
        to: a build or version; None for the last good one.
        shallow: whether the history ends where it was cut off.
        today: on which holds count.

    Raises:
        UsageError: there is none, or `to` is pinned, or held.
        PinError: a hold or a version cannot be read as one.
    """
    if to is not None and to in _names(pin):
        raise UsageError(
            f"{pin.name} {pin.version} is pinned now, so `{to}` is no way back",
            hint="name a build that was pinned before it",
        )
    seen: dict[str, None] = {}
    for each in earlier:
        if each.pin.version == pin.version:
            continue
        seen[each.pin.version] = None
        if to in (None, *_names(each.pin)):
            hold = held(pin, current(each.pin), on=today)
            if hold is None:
                return each
            if to is not None:
                raise UsageError(
                    f"{pin.name} {each.pin.version} is {hold}",
                    hint=f"take the hold away first: `engine-ci unhold {hold.version}`",
                )
    raise _nowhere(pin, list(seen), to=to, shallow=shallow)


def pin_from(pin: Pin, old: Pin, *, hold: Hold, today: date) -> Pin:
    """The pin with an earlier one's build and files; source, wheel tags and holds are today's.

    Args:
        pin: as it is.
        old: the earlier one.
        hold: of the version that is left; it is added.
        today: on which the hold has to count.

    Raises:
        UsageError: the earlier one came from elsewhere, or lacks a platform of today.
    """
    if str(old.source) != str(pin.source):
        raise UsageError(
            f"{pin.name} {old.version} came from {old.source}, and today's source is {pin.source}",
            hint="name another build with `--to`, or change the pin file by hand",
        )
    missing = [platform for platform in pin.platforms if platform not in old.platforms]
    if missing:
        raise UsageError(
            f"{pin.name} {old.version} was pinned without a file for {', '.join(missing)}",
            hint="name another build with `--to`, or take the platform out of the pin first",
        )
    platforms = {
        platform: old.platforms[platform].model_dump() | {"wheel_tags": asset.wheel_tags}
        for platform, asset in pin.platforms.items()
    }
    values = old.model_dump(include={"version", "build", "rebuild", "commit"})
    back = Pin.model_validate(pin.model_dump() | values | {"platforms": platforms})
    return holds.add(back, hold, today=today)


def make(
    pin: Pin,
    earlier: Pinned,
    *,
    file: File,
    targets: Sequence[tuple[Target, File]],
    hold: Hold,
    policy: PullRequestPolicy,
    today: date,
) -> Plan:
    """Plans the pull request back, on a branch of its own.

    Args:
        pin: as it is.
        earlier: what to go back to.
        file: where the pin is written.
        targets: other places that carry it, each with its file.
        hold: of the version that is left.
        policy: how pull requests look here.
        today: on which the hold has to count.

    Raises:
        UsageError: as for `pin_from`.
        ConfigError: a target does not find its place.
    """
    new = pin_from(pin, earlier.pin, hold=hold, today=today)
    return Plan(
        pin=pin.name,
        before=plan.texts(file, targets),
        after=plan.moved_texts(file, targets, old=pin, new=new),
        version=new.version,
        branch=policy.rollback_branch,
        title=plan.title(pin, new, does=_DOES),
        message=plan.message(pin, new, does=_DOES),
        body=_body(pin, new, path=file.path, commit=earlier.commit, hold=hold),
        draft=False,
        insists=True,
    )


def _body(old: Pin, new: Pin, *, path: str, commit: str, hold: Hold) -> str:
    lines = hold.reason.splitlines()
    page = body.template("rollback.md.j2")
    return page.render(
        old=old,
        new=new,
        path=path,
        commit=commit,
        hold=hold,
        reason=lines[:_LINES],
        more=len(lines[_LINES:]),
        mark=body.mark(new),
    )


def _names(pin: Pin) -> tuple[str, ...]:
    """What a person may call the build of a pin."""
    return (pin.version, *((f"b{pin.build}", str(pin.build)) if pin.build else ()))


def _nowhere(pin: Pin, seen: Sequence[str], *, to: str | None, shallow: bool) -> UsageError:
    if shallow:
        return UsageError(
            f"{pin.name}: the history of this clone is cut off, and "
            f"{to or 'a build to go back to'} is not in what is left of it",
            hint="fetch all of it: `git fetch --unshallow`, or `fetch-depth: 0` in a workflow",
        )
    before = ", ".join(seen[:_VERSIONS]) or "nothing else"
    if to is not None:
        return UsageError(
            f"{pin.name} was never pinned to `{to}`; before {pin.version} it was {before}",
            hint="go back to a build that was pinned; `engine-ci bump` moves to another",
        )
    if seen:
        return UsageError(
            f"{pin.name}: every build that was pinned before {pin.version} is held: {before}",
            hint="take a hold away with `engine-ci unhold`",
        )
    return UsageError(
        f"{pin.name} was never pinned to anything but {pin.version}: there is no way back",
        hint="`engine-ci hold` says that it is bad, so that `bump` looks for a newer one at once",
    )
