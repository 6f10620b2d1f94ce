"""`engine-ci golden`: the known answers, recorded from the reference and checked against it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import typer

from engine_ci.cli import options
from engine_ci.cli.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from engine_ci.gate.context import LocatedModel
    from engine_ci.system.documents import Versioned

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
        for golden in _goldens():
            say(f"recording {golden.model}")
            text = golden.recorded()
            old = golden.path.read_text(encoding="utf-8")
            differs = ("it would be recorded otherwise",) if text != old else ()
            if not dry_run:
                documents.write(golden.path, text)
            state = GoldenState(model=golden.model, file=str(golden.path), differences=differs)
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
        for golden in _goldens():
            say(f"verifying {golden.model}")
            state = GoldenState(
                model=golden.model, file=str(golden.path), differences=golden.differences()
            )
            found.append(state)
    differences = [difference for state in found for difference in state.differences]
    if json or not differences:
        result = Goldens(schema=1, written=False, goldens=tuple(found))
        emit(result, as_json=json, otherwise="every golden holds")
    if differences:
        raise VerificationError(
            "the reference contradicts the goldens: " + "; ".join(differences),
            hint="`engine-ci golden record` writes them anew, when the model changed on purpose",
        )


class _Golden(NamedTuple):
    """One golden: where it lies, what contradicts it, and what it would be if recorded now."""

    model: str
    path: Path
    differences: Callable[[], tuple[str, ...]]
    record_again: Callable[[], Versioned]

    def recorded(self) -> str:
        """The text of the file as it is, or recorded anew where it does not hold."""
        from engine_ci.gate import goldens

        if not self.differences():
            return self.path.read_text(encoding="utf-8")
        return goldens.dump(self.record_again())


def _goldens() -> Iterator[_Golden]:
    """That of every model that has one."""
    import platformdirs

    from engine_ci.cli.models import located
    from engine_ci.gate.zoo import golden_folder

    # What could not be had does not ship with the program, and has no golden.
    models, _ = located(cache=platformdirs.user_cache_path("engine-ci"))
    for name, model in models.items():
        path = golden_folder() / f"{name}.json"
        if path.exists():
            yield _golden(model, path, models)


def _golden(model: LocatedModel, path: Path, models: Mapping[str, LocatedModel]) -> _Golden:
    from engine_ci.gate import goldens, pictures, recording, seeing, vectors

    match model.model.role:
        case "embedding":
            of_vectors = vectors.load(path)
            differences = partial(vectors.differences, model.path, of_vectors)
            again: Callable[[], Versioned] = partial(vectors.record_again, model.path, of_vectors)
        case "projector":
            of_pictures = pictures.load(path)
            both = model.path, models[of_pictures.language_model].path
            differences = partial(seeing.differences, *both, of_pictures)
            again = partial(seeing.record_again, *both, of_pictures)
        case _:
            of_tokens = goldens.load(path)
            differences = partial(recording.differences, model.path, of_tokens)
            again = partial(recording.record_again, model.path, of_tokens)
    return _Golden(model.model.name, path, differences, again)
