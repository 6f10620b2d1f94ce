"""Which platform is meant."""

from __future__ import annotations

import platform

import pytest

from engine_ci.cli.platforms import known_platform
from engine_ci.errors import UnsupportedError, UsageError


def test_a_platform_has_upstreams_name() -> None:
    assert known_platform("macos-x64") == "macos-x64"
    assert known_platform("windows-x64") == "windows-x64"
    with pytest.raises(UsageError, match="there is no platform `amiga`"):
        known_platform("amiga")


def test_a_machine_that_is_no_platform_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "riscv64")

    with pytest.raises(UnsupportedError, match="riscv64"):
        known_platform(None)
