from __future__ import annotations

import platform
from typing import TYPE_CHECKING

from engine_ci.gate import host

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_the_processor_is_the_first_model_name_that_linux_lists(tmp_path: Path) -> None:
    listing = tmp_path / "cpuinfo"
    listing.write_text("processor\t: 0\nmodel name\t: Fast One: 9000\nmodel name\t: Other\n")

    assert host.facts(cpuinfo=listing).processor == "Fast One: 9000"


def test_without_such_a_list_the_platform_names_the_processor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(platform, "processor", lambda: "arm")
    (tmp_path / "nameless").write_text("processor\t: 0\nHardware\t: board\n")

    for listing in ("missing", "nameless"):
        assert host.facts(cpuinfo=tmp_path / listing).processor == "arm"


def test_an_unknown_processor_is_said_to_be_unknown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(platform, "processor", lambda: "")

    assert host.facts(cpuinfo=tmp_path / "missing").processor == "unknown"


def test_the_facts_are_those_of_this_machine() -> None:
    found = host.facts()

    assert found.system.startswith(platform.system())
    assert found.python == platform.python_version()
    assert found.cores >= 1
    assert found.memory > 2**28
