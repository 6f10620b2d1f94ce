"""What a release holds: the program and all that it asks engines about, and nothing else."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

from engine_ci import __version__
from tests.packaging.conftest import ROOT, found

if TYPE_CHECKING:
    from tests.packaging.conftest import Release

DATA = "engine_ci/gate/data"
# The models that ship, each hashed, each golden, and the template of each format.
LOCATES_ALL = """
from pathlib import Path
from engine_ci.gate import model_files, zoo
for model in zoo.load_catalogue():
    if isinstance(model.source, zoo.ShippedFile):
        print(model_files.locate(model, cache=Path(), fetch=None))
for pattern, folder in (("*.json", zoo.golden_folder()), ("**/*.jinja", zoo.template_folder())):
    for found in folder.glob(pattern):
        print(found)
"""


def test_it_holds_the_package_every_model_golden_template_and_workflow_and_no_more(
    release: Release,
) -> None:
    expected = {
        **found("engine_ci", "**/*", at="engine_ci"),
        **found("pins", "models.yaml", at=f"{DATA}/pins"),
        **found("fixtures/zoo", "*.gguf", at=f"{DATA}/fixtures/zoo"),
        **found("fixtures/golden", "**/*.json", at=f"{DATA}/fixtures/golden"),
        **found("fixtures/templates", "**/*.jinja", at=f"{DATA}/fixtures/templates"),
        **found("workflows", "*.yml", at="engine_ci/setup/workflows"),
    }

    with zipfile.ZipFile(release.wheel) as archive:
        names = [name for name in archive.namelist() if ".dist-info/" not in name]
        different = [name for name in names if archive.read(name) != expected.get(name)]

    assert sorted(names) == sorted(expected)
    assert different == []


def test_the_program_in_it_finds_its_own_models_and_goldens(
    release: Release, tmp_path: Path
) -> None:
    with zipfile.ZipFile(release.wheel) as archive:
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
    patterns = ("zoo/*.gguf", "golden/*.json", "templates/**/*.jinja")
    shipped = [path for pattern in patterns for path in ROOT.glob(f"fixtures/{pattern}")]
    assert all(place.is_relative_to(tmp_path) for place in places)
    assert sorted(place.name for place in places) == sorted(path.name for path in shipped)


def test_the_metadata_says_who_may_what_and_names_no_address(release: Release) -> None:
    with zipfile.ZipFile(release.wheel) as archive:
        (info,) = {name.partition("/")[0] for name in archive.namelist() if ".dist-info/" in name}
        said = archive.read(f"{info}/METADATA").decode()
        changes = archive.read(f"{info}/extra_metadata/CHANGELOG.md")
        licence = archive.read(f"{info}/licenses/LICENSE")
    head, _, description = said.partition("\n\n")

    assert f"\nVersion: {__version__}\n" in head
    assert release.wheel.name == f"engine_ci-{__version__}-py3-none-any.whl"
    assert "\nLicense-Expression: MIT\n" in head
    assert "\nClassifier: Typing :: Typed" in head
    assert "URL" not in head
    assert description.startswith("# engine-ci")
    assert changes == (ROOT / "CHANGELOG.md").read_bytes()
    assert licence == (ROOT / "LICENSE").read_bytes()
