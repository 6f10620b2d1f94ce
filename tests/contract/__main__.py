"""Asks the contract of a scratch repository on the real GitHub: `python -m tests.contract`."""

from __future__ import annotations

import os
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from engine_ci import __version__
from engine_ci.cli.doors import TOKEN, TOKENS_API
from engine_ci.system import documents
from engine_ci.system.rest import GITHUB
from tests.contract import record, scratch
from tests.contract.place import Place
from tests.contract.real import RealRun

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

REPOSITORY: Final = "ENGINE_CI_CONTRACT_REPOSITORY"
PAUSE_S: Final = 1.0
"""GitHub asks for a second between writes."""


def main(environ: Mapping[str, str], options: Sequence[str]) -> int:
    """Run the suite, with more options for pytest; 2 where it may not be run at all."""
    missing = [name for name in (REPOSITORY, TOKEN) if not environ.get(name)]
    if missing:
        sys.stderr.write(f"set {' and '.join(missing)}; see docs/contract.md\n")
        return 2
    api_url = environ.get(TOKENS_API, GITHUB).rstrip("/")
    place = Place(
        api_url=api_url,
        repository=environ[REPOSITORY],
        token=environ[TOKEN],
        reader=environ.get("ENGINE_CI_CONTRACT_READER_TOKEN"),
        reviewer=environ.get("ENGINE_CI_CONTRACT_REVIEWER"),
        pause_s=PAUSE_S if api_url == GITHUB else 0.0,
    )
    if objections := _objections(place):
        sys.stderr.write("\n".join(["nothing was written:", *objections, ""]))
        return 2
    run = RealRun(place)
    # Long tracebacks show what functions were given, tokens among it.
    arguments = [str(Path(__file__).parent), "-ra", "--tb=short", "-p", "no:cacheprovider"]
    status = pytest.main([*arguments, *options], plugins=[run])
    if api_url == GITHUB and not options:
        _keep(record.of(run, day=datetime.now(UTC).date().isoformat(), version=__version__))
    else:
        sys.stdout.write("not recorded: this was not the whole contract, or not GitHub\n")
    return int(status)


def _objections(place: Place) -> list[str]:
    named = scratch.misnamed(place.repository)
    if named is not None:
        return [named]
    with tempfile.TemporaryDirectory() as folder:
        return list(scratch.objections(place, place.clone(Path(folder, "app"))))


def _keep(kept: record.Record) -> None:
    documents.write(record.RECORD, documents.dump_json(kept))
    documents.write(record.PAGE, record.page(kept))


if __name__ == "__main__":
    sys.exit(main(os.environ, sys.argv[1:]))
