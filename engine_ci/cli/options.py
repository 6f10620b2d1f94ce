"""The options that commands share, so that one name means one thing everywhere."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from engine_ci.cli import completing

Config = Annotated[Path, typer.Option("--config", help="The app's configuration.", metavar="FILE")]
Pin = Annotated[
    str | None,
    typer.Option(
        "--pin",
        help="Which pin, where there are several.",
        metavar="NAME",
        autocompletion=completing.pins,
        show_default=False,
    ),
]
Platform = Annotated[
    str | None,
    typer.Option(
        "--platform",
        help="Instead of this machine's.",
        metavar="P",
        autocompletion=completing.platforms,
        show_default=False,
    ),
]
Signer = Annotated[
    str | None,
    typer.Option(
        "--signer",
        help="For macOS: codesign (Apple's, on a Mac), or builtin (verified on Linux only).",
        metavar="S",
        autocompletion=completing.among(completing.SIGNERS),
        show_default=False,
    ),
]
Work = Annotated[
    Path, typer.Option("--work", help="Where stages leave and find their records.", metavar="DIR")
]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Say what would be done, and leave everything as it is.")
]
Out = Annotated[
    Path | None,
    typer.Option("--out", help="Where the results go.", metavar="DIR", show_default=False),
]

CONFIG = Path("engine-ci.yaml")
WORK = Path(".engine-ci")
