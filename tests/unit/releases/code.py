"""Asks a source of code what it offers, where no release of GitHub's is read."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from engine_ci.config import Policy
from engine_ci.releases.detect import ask
from engine_ci.releases.sources.github_releases import Place
from engine_ci.system.rest import RestReader

if TYPE_CHECKING:
    from engine_ci.pins.model import Pin
    from engine_ci.releases.model import Offer

_NOWHERE = Place(
    api=RestReader("http://127.0.0.1:9", cache=Path("nowhere")), files="", ledgers=Path("nowhere")
)


def asked(pin: Pin, *, upstream: str | None = None) -> list[Offer]:
    """What the pin's source offers."""
    return list(ask(pin, policy=Policy(), at=_NOWHERE, upstream=upstream).offers)
