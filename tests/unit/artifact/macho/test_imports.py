"""Imports, each once, and not without end."""

from __future__ import annotations

from itertools import count

import pytest

from engine_ci.artifact.macho import imports
from engine_ci.artifact.macho.imports import Import
from engine_ci.errors import MachOError

ONE = Import("_one", 1, weak=False)
TWO = Import("_two", 2, weak=True)


def test_each_is_kept_once_where_it_first_stood() -> None:
    assert imports.distinct([TWO, ONE, TWO, ONE._replace(weak=True)]) == (
        TWO,
        ONE,
        ONE._replace(weak=True),
    )


def test_too_many_are_refused_as_soon_as_they_are_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imports, "MOST", 2)
    endless = (Import(f"_{number}", 1, weak=False) for number in count())

    with pytest.raises(MachOError, match="at most 2"):
        imports.distinct(endless)
    assert next(endless).name == "_3"
