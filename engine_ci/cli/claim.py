"""What `engine run` wishes for: a claim, from a file or options, and the bundles for it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from engine_ci.cli import completing

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from engine_ci.engine.claimed_engine import Candidate
    from engine_ci.engine.claims import Claim

File = Annotated[
    Path | None,
    typer.Option(
        "--claim",
        help="A file with a claim; options count more.",
        metavar="FILE",
        show_default=False,
    ),
]
Context = Annotated[
    int | None,
    typer.Option(
        "--context", help="Tokens that a slot must hold.", metavar="N", show_default=False
    ),
]
Accelerator = Annotated[
    str | None,
    typer.Option(
        "--accelerator",
        help="What it must compute with: cpu, cuda, metal, vulkan.",
        metavar="A",
        autocompletion=completing.among(completing.ACCELERATORS),
        show_default=False,
    ),
]
Speed = Annotated[
    float | None,
    typer.Option(
        "--min-tokens-per-second",
        help="How fast one answer must come; measured.",
        metavar="X",
        show_default=False,
    ),
]
Features = Annotated[
    list[str] | None,
    typer.Option(
        "--feature",
        help="What it must be able to do; may be given again.",
        metavar="F",
        autocompletion=completing.features,
        show_default=False,
    ),
]
Fallback = Annotated[
    str | None,
    typer.Option(
        "--fallback",
        help="The accelerator that will do instead.",
        metavar="A",
        autocompletion=completing.among(completing.ACCELERATORS),
        show_default=False,
    ),
]


def wished(file: Path | None, *, options: Mapping[str, object]) -> Claim:
    """The claim of a file and of options, which count more; what is None or empty is not given.

    Raises:
        UsageError: no model is named, or it makes no sense.
    """
    from pydantic import ValidationError

    from engine_ci.engine.claims import Claim
    from engine_ci.errors import UsageError

    given = {name: value for name, value in options.items() if value not in (None, [])}
    try:
        return Claim.model_validate(_read(file) | given)
    except ValidationError as problem:
        wrong = problem.errors(include_url=False)[0]
        name = str(wrong["loc"][0])
        raise UsageError(
            f"the claim's `{name}` is not as it should be: {wrong['msg']}",
            hint="name the model with `--model`, or in the file of `--claim`"
            if wrong["type"] == "missing"
            else None,
        ) from problem


def candidates(folders: Sequence[Path], *, adapter: str) -> list[Candidate]:
    """The bundles, or folders with one engine each, as those that may meet a claim.

    Raises:
        UsageError: there is no such engine in one.
    """
    from engine_ci.engine import catalog
    from engine_ci.engine.adapters.kinds import server_in
    from engine_ci.engine.claimed_engine import Candidate

    servers = {folder: server_in(folder, adapter=adapter) for folder in folders}
    return [
        Candidate(server=server, profile=catalog.profile(folder, program=server.program))
        for folder, server in servers.items()
    ]


def _read(file: Path | None) -> dict[str, object]:
    """What a file claims; the model in it is found from where the file is."""
    from engine_ci.engine.claims import Claim
    from engine_ci.errors import UsageError
    from engine_ci.system.documents import load_yaml

    if file is None:
        return {}
    claim = load_yaml(file, Claim, error=UsageError)
    return claim.model_dump() | {"model": file.parent / claim.model}
