"""The wheel that users install holds the program and all that it asks engines about."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DATA = "engine_ci/gate/data"
# The models that ship, each hashed, and the golden of each model that is asked for one.
LOCATES_ALL = """
from pathlib import Path
from engine_ci.gate import zoo
for model in zoo.load_catalogue():
    if isinstance(model.source, zoo.ShippedFile):
        print(zoo.locate(model, cache=Path(), fetch=None))
for golden in zoo.golden_folder().glob("*.json"):
    print(golden)
"""


def found(folder: str, pattern: str, *, at: str) -> dict[str, bytes]:
    """Files of the repository by the path that the wheel gives them."""
    return {
        f"{at}/{path.relative_to(ROOT / folder).as_posix()}": path.read_bytes()
        for path in (ROOT / folder).glob(pattern)
        if path.is_file() and path.suffix != ".pyc"
    }


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", folder, ROOT],
        check=True,
    )
    (built,) = folder.glob("*.whl")
    return built


def test_it_holds_the_package_every_model_golden_and_workflow_and_no_more(wheel: Path) -> None:
    expected = {
        **found("engine_ci", "**/*", at="engine_ci"),
        **found("pins", "models.yaml", at=f"{DATA}/pins"),
        **found("fixtures/zoo", "*.gguf", at=f"{DATA}/fixtures/zoo"),
        **found("fixtures/golden", "**/*.json", at=f"{DATA}/fixtures/golden"),
        **found("workflows", "*.yml", at="engine_ci/setup/workflows"),
    }

    with zipfile.ZipFile(wheel) as archive:
        names = [name for name in archive.namelist() if ".dist-info/" not in name]
        different = [name for name in names if archive.read(name) != expected.get(name)]

    assert sorted(names) == sorted(expected)
    assert different == []


def test_the_program_in_it_finds_its_own_models_and_goldens(wheel: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path)

    told = subprocess.run(
        [sys.executable, "-c", LOCATES_ALL],
        cwd=tmp_path,
        # Of our environment nothing: coverage would count the wheel's files as ours.
        env={"PYTHONPATH": str(tmp_path)},
        check=True,
        capture_output=True,
        text=True,
    )

    places = [Path(line) for line in told.stdout.splitlines()]
    shipped = [*ROOT.glob("fixtures/zoo/*.gguf"), *ROOT.glob("fixtures/golden/*.json")]
    assert all(place.is_relative_to(tmp_path) for place in places)
    assert sorted(place.name for place in places) == sorted(path.name for path in shipped)
