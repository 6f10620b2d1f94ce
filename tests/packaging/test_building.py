"""How a release is built: of what, always to the same bytes, and so that an index takes it."""

from __future__ import annotations

import subprocess
import sys
import tarfile
from typing import TYPE_CHECKING

from tests.packaging.conftest import build, found

if TYPE_CHECKING:
    from pathlib import Path

    from tests.packaging.conftest import Release


def test_the_source_distribution_holds_what_the_wheel_is_made_of_and_no_more(
    release: Release,
) -> None:
    top = release.sdist.name.removesuffix(".tar.gz")
    expected = {
        **found("engine_ci", "**/*", at="engine_ci"),
        **found("pins", "models.yaml", at="pins"),
        **found("fixtures/zoo", "*.gguf", at="fixtures/zoo"),
        **found("fixtures/golden", "**/*.json", at="fixtures/golden"),
        **found("fixtures/templates", "**/*.jinja", at="fixtures/templates"),
        **found("workflows", "*.yml", at="workflows"),
    }
    beside = (".gitignore", "CHANGELOG.md", "LICENSE", "PKG-INFO", "README.md", "pyproject.toml")

    with tarfile.open(release.sdist) as archive:
        names = [member.name.removeprefix(f"{top}/") for member in archive]

    assert sorted(names) == sorted([*expected, *beside])


def test_a_wheel_of_the_checkout_and_one_of_the_source_distribution_are_the_same_bytes(
    release: Release, tmp_path: Path
) -> None:
    build("--wheel", into=tmp_path)
    build("--sdist", into=tmp_path)

    for made in (release.wheel, release.sdist):
        assert (tmp_path / made.name).read_bytes() == made.read_bytes()


def test_an_index_would_take_both(release: Release) -> None:
    subprocess.run(
        [sys.executable, "-m", "twine", "check", "--strict", release.wheel, release.sdist],
        check=True,
        capture_output=True,
    )
