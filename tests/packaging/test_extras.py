"""What the program imports is declared, and what is optional says how to get it."""

from __future__ import annotations

import ast
import sys
import tomllib
from importlib import metadata
from itertools import chain
from typing import TYPE_CHECKING

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from engine_ci.artifact import attestation
from engine_ci.artifact.vouching import Vouching
from tests.packaging.conftest import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from tests.packaging.conftest import Installed, Release

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
# But for what whoever works on engine-ci itself installs.
EXTRAS = {
    extra: needed for extra, needed in PROJECT["optional-dependencies"].items() if extra != "dev"
}


def names(requirements: Iterable[str]) -> set[str]:
    return {normal(Requirement(each).name) for each in requirements}


def normal(name: str) -> str:
    return str(canonicalize_name(name))


def imported() -> dict[str, set[str]]:
    """The modules of others that engine-ci imports anywhere, each with the files that do."""
    found: dict[str, set[str]] = {}
    for file in (ROOT / "engine_ci").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_bytes())):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module:
                names = [node.module]
            for name in {name.partition(".")[0] for name in names}:
                if name != "engine_ci" and not _is_near(name, file):
                    found.setdefault(name, set()).add(file.relative_to(ROOT).as_posix())
    return found


def _is_near(module: str, file: Path) -> bool:
    """Whether it is Python's own, or lies beside the file, as a worker's modules do."""
    return module in sys.stdlib_module_names or file.with_name(f"{module}.py").is_file()


def test_every_import_is_a_dependency_or_comes_with_an_extra() -> None:
    declared = names(chain(PROJECT["dependencies"], *EXTRAS.values()))
    # With sigstore comes what its certificates are read with.
    for extra in names(chain(*EXTRAS.values())):
        declared |= names(metadata.requires(extra) or ())
    # Engines bring these: the workers run in environments where they are.
    engines = {"xllamacpp", "llama_cpp", "fastapi", "starlette", "uvicorn"}
    owners = metadata.packages_distributions()

    unknown = {
        module: files
        for module, files in imported().items()
        if module not in engines
        and not {normal(name) for name in owners.get(module, [])} & declared
    }

    assert unknown == {}


@pytest.mark.parametrize("extra", sorted(EXTRAS))
def test_an_extra_can_be_had(extra: str, installed: Installed, release: Release) -> None:
    done = installed.run(
        "python", "-m", "pip", "install", "--dry-run", "--quiet", "--no-deps",
        "--constraint", str(ROOT / "constraints.txt"),
        *EXTRAS[extra],
        cwd=release.wheel.parent,
    )  # fmt: skip

    assert done.returncode == 0, done.stderr


def test_without_its_extra_an_attestation_is_not_checked_and_says_which_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(attestation, "can_verify", lambda: False)

    told = Vouching(repository="ggml-org/llama.cpp", ask=lambda _: ()).of(
        "file", sha256="0" * 64, build=11194
    )

    assert "`pip install 'engine-ci[attestations]'`" in told.why
