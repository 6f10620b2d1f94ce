"""Which configuration and which pin a command works with."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from engine_ci.cli.workspace import open_workspace
from engine_ci.errors import PinError, UsageError

if TYPE_CHECKING:
    from pathlib import Path

PINS = "schema: 1\nplatforms: [ubuntu-x64]\npins: [pins/llama.cpp.yaml{}]\n"


def open_in(app: Path, *, pin: str | None = None) -> str:
    return open_workspace(app / "engine-ci.yaml", pin=pin, work=app / "work").pin_file


def another(app: Path) -> None:
    text = (app / "pins" / "llama.cpp.yaml").read_text(encoding="utf-8")
    (app / "pins" / "other.yaml").write_text(
        text.replace("name: llama.cpp\n", "name: other\n"), encoding="utf-8"
    )
    (app / "engine-ci.yaml").write_text(PINS.format(", pins/other.yaml"), encoding="utf-8")


def test_the_only_pin_needs_no_name(app: Path) -> None:
    assert open_in(app) == "pins/llama.cpp.yaml"


def test_of_several_pins_one_must_be_named(app: Path) -> None:
    another(app)

    with pytest.raises(UsageError, match=r"no `--pin` was given; there are: llama\.cpp, other"):
        open_in(app)
    assert open_in(app, pin="other") == "pins/other.yaml"


def test_a_name_that_no_pin_has_is_refused(app: Path) -> None:
    with pytest.raises(UsageError, match="`--pin mamba` names none of them"):
        open_in(app, pin="mamba")


def test_a_pin_without_a_hash_is_refused_with_file_and_key(app: Path) -> None:
    path = app / "pins" / "llama.cpp.yaml"
    lines = path.read_text(encoding="utf-8").splitlines()
    path.write_text("\n".join(line for line in lines if "sha256" not in line), encoding="utf-8")

    with pytest.raises(PinError, match=r"llama\.cpp\.yaml: `platforms\.macos-arm64\.sha256`: miss"):
        open_in(app)
