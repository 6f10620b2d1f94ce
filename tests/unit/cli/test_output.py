from __future__ import annotations

from typing import TYPE_CHECKING

from engine_ci.cli.output import emit
from tests.unit.bump import records

if TYPE_CHECKING:
    import pytest


def test_the_text_for_people_drives_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    emit(records.candidate(), as_json=False, otherwise="0.1.2: held\n→ 0.1.3  \x1b[2J\u202e")

    assert capsys.readouterr().out == "0.1.2: held\n→ 0.1.3  \\x1b[2J\\u202e\n"
