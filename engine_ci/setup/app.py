"""Pure. What an app's own files say of how it ships the engine."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Annotated, Final, TypeVar

from pydantic import BaseModel, Field, ValidationError

from engine_ci.config import FrameworksList, SystemVersion

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

_TAURI: Final = "tauri.conf.json"
_PACKAGE: Final = "package.json"
# What installs an app's tools, as a fresh checkout has none, and runs its scripts: by lock file.
_RUNNERS: Final = (
    ("bun.lock", "bun install --frozen-lockfile && bun run"),
    ("bun.lockb", "bun install --frozen-lockfile && bun run"),
    ("pnpm-lock.yaml", "pnpm install --frozen-lockfile && pnpm run"),
    ("yarn.lock", "yarn install --immutable && yarn run"),
)
_NPM: Final = "npm ci && npm run"


class _MacOS(BaseModel):
    minimum: Annotated[SystemVersion | None, Field(alias="minimumSystemVersion")] = None
    frameworks: tuple[str, ...] = ()


class _Shipped(BaseModel):
    macos: Annotated[_MacOS, Field(alias="macOS")] = _MacOS()
    programs: Annotated[tuple[str, ...], Field(alias="externalBin")] = ()


class _Tauri(BaseModel):
    bundle: _Shipped = _Shipped()


class _Package(BaseModel):
    scripts: dict[str, str] = Field(default_factory=dict)


ModelT = TypeVar("ModelT", bound=BaseModel)


@dataclass(frozen=True, kw_only=True, slots=True)
class App:
    """An app that ships an engine; None is what its files do not say.

    Attributes:
        minimum_os: the oldest macOS that it runs on.
        frameworks: where it lists the libraries that it ships.
        command: brings its engine.
        leaves: the folder that holds the engine then.
    """

    minimum_os: str | None
    frameworks: FrameworksList | None
    command: tuple[str, ...] | None
    leaves: str | None


def read(files: Mapping[str, str], *, carriers: Collection[str]) -> App:
    """Reads an app's files, by path; `carriers` are those that name the build."""
    named = sorted(path for path in files if PurePosixPath(path).name == _TAURI)
    path = named[0] if named else ""
    bundle = _read(files.get(path, ""), _Tauri).bundle
    lists = bool(bundle.macos.frameworks)
    return App(
        minimum_os=bundle.macos.minimum,
        frameworks=FrameworksList(file=path, path="bundle.macOS.frameworks") if lists else None,
        command=_command(files, carriers),
        leaves=_leaves(path, bundle.programs),
    )


def _read(text: str, model: type[ModelT]) -> ModelT:
    """What a file says in a form that is known; a file in another form says nothing."""
    try:
        return model.model_validate_json(text or "{}")
    except ValidationError:
        return model()


def _leaves(path: str, programs: Collection[str]) -> str | None:
    """The folder of the program that is called after llama."""
    found = next((program for program in programs if "llama" in program), None)
    return found and str(PurePosixPath(path).parent / PurePosixPath(found).parent)


def _command(files: Mapping[str, str], carriers: Collection[str]) -> tuple[str, ...] | None:
    """The script of `package.json` that runs a file which names the build."""
    for name, line in _read(files.get(_PACKAGE, ""), _Package).scripts.items():
        if any(word.removeprefix("./") in carriers for word in line.split()):
            runner = next((words for lock, words in _RUNNERS if lock in files), _NPM)
            return ("sh", "-c", f"{runner} {shlex.quote(name)}")
    return None
