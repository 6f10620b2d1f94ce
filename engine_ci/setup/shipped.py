"""The workflows that an app gets."""

from __future__ import annotations

from pathlib import Path


def workflows(package: Path = Path(__file__).parent) -> dict[str, str]:
    """Their texts by file name.

    They lie in `workflows` beside this module in an installed program, and at the top of the
    repository in a checkout.
    """
    packaged = package / "workflows"
    folder = packaged if packaged.is_dir() else package.parents[1] / "workflows"
    return {path.name: path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.yml"))}
