"""`engine-ci golden`: the known answers, recorded from the reference and checked against it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from engine_ci.cli import options
from engine_ci.cli.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from engine_ci.gate.context import LocatedModel

app = typer.Typer(no_args_is_help=True, help="Record or verify the known answers.")


@app.command()
def record(*, dry_run: options.DryRun = False, json: options.Json = False) -> None:
    """Record what does not hold anew from the reference; margins under the floor are refused.

    A golden that holds stays as it is: the last digits differ from processor to processor.

    For example: engine-ci golden record --dry-run

    Exit codes: 0 done; 3 a model is not what its catalogue says, or a margin is too small.
    """
    from engine_ci.cli.output import emit
    from engine_ci.records.edits import Goldens, GoldenState
    from engine_ci.system import documents

    found = []
    with Progress() as say:
        for located, path in _models():
            say(f"recording {located.model.name}")
            text = _recorded(located, path)
            old = path.read_text(encoding="utf-8")
            differs = ("it would be recorded otherwise",) if text != old else ()
            if not dry_run:
                documents.write(path, text)
            state = GoldenState(model=located.model.name, file=str(path), differences=differs)
            found.append(state)
    emit(
        Goldens(schema=1, written=not dry_run, goldens=tuple(found)),
        as_json=json,
        otherwise="\n".join(state.file for state in found if state.differences or not dry_run)
        or "every golden is as it would be recorded",
    )


@app.command()
def verify(*, json: options.Json = False) -> None:
    """Compute every golden anew, and compare.

    For example: engine-ci golden verify --json

    Exit codes: 0 every golden holds; 3 the reference contradicts one, or a model is not what its
    catalogue says.
    """
    from engine_ci.cli.output import emit
    from engine_ci.errors import VerificationError
    from engine_ci.records.edits import Goldens, GoldenState

    found = []
    with Progress() as say:
        for located, path in _models():
            name = located.model.name
            say(f"verifying {name}")
            told = _differences(located, path)
            found.append(GoldenState(model=name, file=str(path), differences=told))
    differences = [difference for state in found for difference in state.differences]
    if json or not differences:
        result = Goldens(schema=1, written=False, goldens=tuple(found))
        emit(result, as_json=json, otherwise="every golden holds")
    if differences:
        raise VerificationError(
            "the reference contradicts the goldens: " + "; ".join(differences),
            hint="`engine-ci golden record` writes them anew, when the model changed on purpose",
        )


def _recorded(located: LocatedModel, path: Path) -> str:
    """The golden as it is when it is recorded from its model now, if it does not hold."""
    from engine_ci.gate import goldens, recording, vectors

    if not _differences(located, path):
        return path.read_text(encoding="utf-8")
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
