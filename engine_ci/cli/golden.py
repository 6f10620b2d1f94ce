"""`engine-ci golden`: the known answers, recorded from the reference and checked against it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

app = typer.Typer(no_args_is_help=True, help="Record or verify the known answers.")


@app.command()
def record() -> None:
    """Record every golden anew from the reference; margins under the floor are refused."""
    from engine_ci.cli.progress import Progress
    from engine_ci.gate import goldens, recording
    from engine_ci.system import documents

    with Progress() as say:
        for name, model, path in _models():
            say(f"recording {name}")
            golden = recording.record_again(model, goldens.load(path))
            documents.write(path, goldens.dump(golden))
            typer.echo(path)


@app.command()
def verify() -> None:
    """Compute every golden anew, and compare."""
    from engine_ci.cli.progress import Progress
    from engine_ci.errors import VerificationError
    from engine_ci.gate import goldens, recording

    found: list[str] = []
    with Progress() as say:
        for name, model, path in _models():
            say(f"verifying {name}")
            found += recording.differences(model, goldens.load(path))
    if found:
        raise VerificationError(
            "the reference contradicts the goldens: " + "; ".join(found),
            hint="`engine-ci golden record` writes them anew, when the model changed on purpose",
        )
    typer.echo("every golden holds")


def _models() -> Iterator[tuple[str, Path, Path]]:
    """Every model that has a golden: its name, its verified file, its golden."""
    import platformdirs

    from engine_ci.cli.models import located
    from engine_ci.gate.zoo import golden_folder

    for name, model in located(cache=platformdirs.user_cache_path("engine-ci")).items():
        golden = golden_folder() / f"{name}.json"
        if golden.exists():
            yield name, model.path, golden
