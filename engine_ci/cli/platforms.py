"""Which of upstream's platforms is meant: a named one, or this machine's."""

from __future__ import annotations

import platform as host
from typing import TYPE_CHECKING, get_args

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine_ci.pins.model import Platform

# What a machine that engines are started on calls itself, and what upstream calls it.
_PLATFORMS: Mapping[tuple[str, str], Platform] = {
    ("Darwin", "arm64"): "macos-arm64",
    ("Darwin", "x86_64"): "macos-x64",
    ("Linux", "x86_64"): "ubuntu-x64",
}


def known_platform(name: str | None) -> Platform:
    """The platform of that name, or this machine's.

    Raises:
        UsageError: there is no such platform.
        UnsupportedError: this machine is none.
    """
    from engine_ci.errors import UnsupportedError, UsageError
    from engine_ci.pins.model import Platform

    if name is not None:
        matching: list[Platform] = [known for known in get_args(Platform) if known == name]
        if not matching:
            names = ", ".join(get_args(Platform))
            raise UsageError(
                f"there is no platform `{name}`", hint=f"--platform: expected one of {names}"
            )
        return matching[0]
    found = here()
    if found is None:
        raise UnsupportedError(
            f"engines are not started on this machine ({host.system()} {host.machine()})",
            hint="`engine-ci prepare --platform NAME` makes bundles for others",
        )
    return found


def here() -> Platform | None:
    """This machine's platform; None where engines are not started on such machines."""
    return _PLATFORMS.get((host.system(), host.machine()))
