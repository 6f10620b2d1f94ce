"""`engine-ci golden`: the known answers, recorded from the reference and checked against it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from engine_ci.gate.context import LocatedModel

app = typer.Typer(no_args_is_help=True, help="Record or verify the known answers.")


@app.command()
def record() -> None:
    """Record every golden anew from the reference; margins under the floor are refused."""
    from engine_ci.cli.progress import Progress
    from engine_ci.system import documents

    with Progress() as say:
        for located, path in _models():
            say(f"recording {located.model.name}")
            documents.write(path, _recorded(located, path))
            typer.echo(path)


@app.command()
def verify() -> None:
    """Compute every golden anew, and compare."""
    from engine_ci.cli.progress import Progress
    from engine_ci.errors import VerificationError

    found: list[str] = []
    with Progress() as say:
        for located, path in _models():
            say(f"verifying {located.model.name}")
            found += _differences(located, path)
    if found:
        raise VerificationError(
            "the reference contradicts the goldens: " + "; ".join(found),
            hint="`engine-ci golden record` writes them anew, when the model changed on purpose",
        )
    typer.echo("every golden holds")


def _recorded(located: LocatedModel, path: Path) -> str:
    """The golden as it is when it is recorded from its model now."""
    from engine_ci.gate import goldens, recording, vectors

    if located.model.role == "embedding":
        return goldens.dump(vectors.record_again(located.path, vectors.load(path)))
    return goldens.dump(recording.record_again(located.path, goldens.load(path)))


def _differences(located: LocatedModel, path: Path) -> tuple[str, ...]:
    from engine_ci.gate import goldens, recording, vectors

    if located.model.role == "embedding":
        return vectors.differences(located.path, vectors.load(path))
    return recording.differences(located.path, goldens.load(path))


def _models() -> Iterator[tuple[LocatedModel, Path]]:
    """Every model that has a golden, and where that lies."""
    import platformdirs

    from engine_ci.cli.models import located
    from engine_ci.gate.zoo import golden_folder

    # What could not be had does not ship with the program, and has no golden.
    models, _ = located(cache=platformdirs.user_cache_path("engine-ci"))
    for name, model in models.items():
        golden = golden_folder() / f"{name}.json"
        if golden.exists():
            yield model, golden
