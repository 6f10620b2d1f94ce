"""`engine-ci gate` with a model that the app names by repository, revision and sha256."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import platformdirs
import pytest

from engine_ci.errors import Exit
from engine_ci.gate import repository, zoo
from engine_ci.system import documents
from tests.unit.cli.command import CommandLine, app_in
from tests.unit.shelf import Shelf, says

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.unit.cli.command import Ran

    Gate = Callable[[], Ran]

pytestmark = pytest.mark.engine

REVISION = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def shelf(monkeypatch: pytest.MonkeyPatch) -> Iterator[Shelf]:
    """Serves the model of the app, which is our stable one."""
    with Shelf() as served:
        served.content = (zoo.data_root() / "fixtures" / "zoo" / "stable.gguf").read_bytes()
        monkeypatch.setenv(repository.ADDRESS, served.url)
        yield served


@pytest.fixture
def app(tmp_path: Path) -> Path:
    """An app that names a model, and asks about nothing but real ones."""
    folder = app_in(tmp_path)
    (stable,) = (model for model in zoo.load_catalogue() if model.name == "stable")
    (folder / "models.yaml").write_text(
        "schema: 1\n"
        "models:\n"
        f"- {{name: mine, size: {stable.size}, sha256: {stable.sha256}, source: {{kind: repository,"
        f" repository: me/mine, revision: {REVISION}, file: mine.gguf}}}}\n",
        encoding="utf-8",
    )
    config = folder / "engine-ci.yaml"
    text = config.read_text(encoding="utf-8")
    assert "gate:\n" in text
    config.write_text(text.replace("gate:\n", "gate:\n  models: models.yaml\n"), encoding="utf-8")
    return folder


@pytest.fixture
def gate(
    app: Path,
    mineru: Callable[[str], Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Gate:
    """Of our own models only `stable` is there, so that none has to be fetched or written."""
    data, own = tmp_path / "data", zoo.data_root()
    ours = (model for model in zoo.load_catalogue() if model.name == "stable")
    (data / "fixtures" / "zoo").mkdir(parents=True)
    shutil.copy(own / "fixtures" / "zoo" / "stable.gguf", data / "fixtures" / "zoo")
    shutil.copytree(own / "fixtures" / "golden", data / "fixtures" / "golden")
    (data / "pins").mkdir()
    catalogue = zoo.Catalogue(schema=1, models=tuple(ours))
    (data / "pins" / "models.yaml").write_text(documents.dump_yaml(catalogue))
    monkeypatch.setattr(zoo, "data_root", lambda: data)
    monkeypatch.setattr(platformdirs, "user_cache_path", lambda _: tmp_path / "cache")
    monkeypatch.chdir(app)
    run = CommandLine(capsys)
    engines = ("--candidate", str(mineru("0.1.3")), "--baseline", str(mineru("0.1.2")))
    return lambda: run("gate", *engines, "--suite", "loads", "--suite", "real", "--json")


def test_a_model_of_the_app_is_asked_about_as_ours_are(shelf: Shelf, gate: Gate) -> None:
    shelf.replies += [shelf.breaks_off(missing=1000)]

    ran = gate()

    checks = {check["id"]: check["status"] for check in json.loads(ran.out)["checks"]}
    assert checks == dict.fromkeys(
        ("loads/flags", "loads/stable", "loads/mine", "real/mine/sane", "real/mine/drift"), "pass"
    )
    assert ran.status == Exit.OK
    assert len(shelf.asked) == 2


def test_a_model_that_cannot_be_had_makes_the_verdict_an_error(shelf: Shelf, gate: Gate) -> None:
    shelf.replies += [says(429, Retry_After="0")] * 6

    ran = gate()

    result = json.loads(ran.out)
    assert (ran.status, result["verdict"]) == (Exit.OUTSIDE, "error")
    missing, *others = result["checks"]
    assert (missing["id"], missing["status"]) == ("setup/models/mine", "error")
    assert missing["observed"].startswith(f"mine.gguf of me/mine at {REVISION}: status 429")
    assert {check["status"] for check in others} == {"pass"}


def test_a_model_that_is_another_one_stops_the_gate(shelf: Shelf, gate: Gate) -> None:
    shelf.content = shelf.content[:-1] + b"x"

    ran = gate()

    assert ran.status == Exit.VERIFICATION
    assert f"mine.gguf of me/mine at {REVISION}" in ran.err


def test_without_an_address_the_gate_says_what_to_set(
    gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(repository.ADDRESS, raising=False)

    ran = gate()

    assert ran.status == Exit.USAGE
    assert repository.ADDRESS in ran.err
