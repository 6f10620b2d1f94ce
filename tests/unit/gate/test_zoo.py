from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from pydantic import ValidationError

from engine_ci.errors import PinError
from engine_ci.gate import zoo
from engine_ci.gate.zoo import Catalogue
from engine_ci.system import documents
from tests.unit.gate.test_model_files import GGUF, ROOT, model

if TYPE_CHECKING:
    from pathlib import Path


def test_our_catalogue_has_every_role_and_pre_tokenizer() -> None:
    models = zoo.load_catalogue()

    roles = {
        "stable", "sensitive", "embedding", "projector", "tokenizer", "tools", "reasoning",
        "infill", "echo", "real", "performance",
    }  # fmt: skip
    assert {found.role for found in models} == roles
    stable = {found.pre_tokenizer for found in models if found.role == "stable"}
    assert stable == {"gpt-2", "smollm", "llama-bpe", "qwen2"}


def test_models_that_ship_are_under_15_mb() -> None:
    sizes = [one.size for one in zoo.load_catalogue() if isinstance(one.source, zoo.ShippedFile)]

    assert sum(sizes) < 15_000_000


def test_our_catalogue_is_a_dump_of_itself() -> None:
    path = ROOT / "pins" / "models.yaml"
    catalogue = documents.load_yaml(path, Catalogue, error=PinError)

    assert documents.dump_yaml(catalogue) == path.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("  sha256: 7", "  sha265: 7", r"`models.0.sha256`: missing; `models.0.sha265`: unknown"),
        ("schema: 1", "schema: 2", "`schema`"),
        ("fixtures/zoo/stable.gguf", "../stable.gguf", "stays inside its folder, found '../st"),
        ("fixtures/zoo/stable.gguf", "/stable.gguf", "stays inside its folder"),
        ("name: stable-qwen2", "name: stable", "two models have the same name"),
        ("kind: seed", "kind: web", r"models.\d+.source"),
        ("of: stable", "of: missing", "stable-smollm is of missing, which does not ship"),
        (
            "    tokens:\n      fim_pre: 1\n",
            "    tokens:\n      fim_pre: -1\n",
            "greater than or equal",
        ),
        (
            "    tokens:\n      fim_pre: 1\n      fim_suf: 2\n      fim_mid: 3\n",
            "",
            "a variant without `facts` or `tokens` is no other model",
        ),
        ("of: stable", "of: stable-qwen2", "stable-smollm is of stable-qwen2, which does not"),
    ],
)
def test_a_catalogue_is_complete_or_rejected(
    tmp_path: Path, old: str, new: str, reason: str
) -> None:
    text = (ROOT / "pins" / "models.yaml").read_text(encoding="utf-8")
    assert old in text
    (tmp_path / "models.yaml").write_text(text.replace(old, new), encoding="utf-8")

    with pytest.raises(PinError, match=reason):
        zoo.load_catalogue(tmp_path / "models.yaml")


@pytest.mark.parametrize("path", ["", ".", "/a", "a/../b", "a\\b"])
def test_a_path_that_could_leave_its_folder_is_refused(path: str) -> None:
    with pytest.raises(ValidationError, match="stays inside"):
        model(GGUF, {"kind": "file", "path": path})


def test_a_checkout_is_its_own_data(tmp_path: Path) -> None:
    package = tmp_path / "engine_ci" / "gate"

    assert zoo.data_root(package) == tmp_path


def test_an_installed_program_carries_its_data(tmp_path: Path) -> None:
    package = tmp_path / "engine_ci" / "gate"
    (package / "data").mkdir(parents=True)

    assert zoo.data_root(package) == package / "data"


OWN = """\
schema: 1
models:
- name: mine
  size: 104
  sha256: b0dbc15afda6f2be1cbfebd0d02b1f0a0f8ca6a2df0a6d1cd4cf9db9e8bbd9a3
  source: {kind: file, path: models/mine.gguf}
"""


def test_an_app_has_real_models_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "models.yaml").write_text(OWN, encoding="utf-8")

    (mine,) = zoo.load_own(tmp_path / "models.yaml")

    assert (mine.name, mine.role) == ("mine", "real")


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("name: mine", "name: stable", "`models.0.name`: stable is one of our own models"),
        ("size: 104", "size: 104\n  role: sensitive", "`models.0.role`: expected real, found sens"),
        ("schema: 1", "schema: 2", "`schema`"),
    ],
)
def test_a_catalogue_of_an_app_that_could_be_taken_for_ours_is_refused(
    tmp_path: Path, old: str, new: str, reason: str
) -> None:
    (tmp_path / "models.yaml").write_text(OWN.replace(old, new), encoding="utf-8")

    with pytest.raises(PinError, match=reason):
        zoo.load_own(tmp_path / "models.yaml")
