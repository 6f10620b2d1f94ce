"""`engine-ci init` and `eject`: sets engine-ci up in an app's repository, and takes it out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from engine_ci.cli import completing, options
from engine_ci.errors import OutsideError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from engine_ci.pins.model import Pin, Platform
    from engine_ci.records.edits import Edits, FileEdit
    from engine_ci.setup.app import App
    from engine_ci.setup.places import Found

_PLATFORMS = ("macos-arm64",)


def init(
    *,
    build: Annotated[
        str | None,
        typer.Option(
            "--build",
            help="The build that the app uses now; found in its files without.",
            metavar="VERSION",
            show_default=False,
        ),
    ] = None,
    platform: Annotated[
        list[str] | None,
        typer.Option(
            "--platform",
            help="That the app ships for, macos-arm64 if none is given; can be repeated.",
            metavar="P",
            autocompletion=completing.platforms,
            show_default=False,
        ),
    ] = None,
    upstream: Annotated[
        str, typer.Option("--upstream", help="Whose releases they are.", metavar="OWNER/NAME")
    ] = "ggml-org/llama.cpp",
    dry_run: options.DryRun = False,
    json: options.Json = False,
) -> None:
    """Write a configuration, a pin and workflows into an app's repository; overwrite nothing.

    For example: engine-ci init --build b11194 --dry-run

    Exit codes: 0 all files are there; 2 the build cannot be told, or something is in the way; 4
    GitHub refused or did not answer.
    """
    from engine_ci.records.edits import Edits
    from engine_ci.setup import app, places
    from engine_ci.system.git import Repository
    from engine_ci.system.git_files import texts

    top = Repository.containing(Path.cwd()).path
    files = texts(top)
    carriers = places.relevant(files)
    pin = _pinned(top, carriers, build=build, platforms=platform or _PLATFORMS, upstream=upstream)
    found = places.targets(carriers, pin=pin)
    shipped = app.read(files, carriers={target.file for target in found.targets})
    made = _made(pin, app=shipped, found=found)
    edits = tuple(_write(top, made, dry_run=dry_run))
    notes = tuple(_told(shipped, found))
    _say(Edits(schema=1, dry_run=dry_run, files=edits, notes=notes), as_json=json)


def eject(*, dry_run: options.DryRun = False, json: options.Json = False) -> None:
    """Take out what `init` wrote; the pins stay, and so does what nobody could bring back.

    For example: engine-ci eject --dry-run

    Exit codes: 0 it is out; 2 something would be lost, since no commit has it as it is.
    """
    from engine_ci.records.edits import Edits, FileEdit
    from engine_ci.setup import files, shipped
    from engine_ci.system.git import Repository
    from engine_ci.system.git_files import unsaved

    top = Repository.containing(Path.cwd()).path
    workflows = (f"{files.WORKFLOWS}/{name}" for name in shipped.workflows())
    paths = [files.CONFIG, *files.REQUIREMENTS, *workflows]
    there = [path for path in paths if (top / path).is_file()]
    lost = unsaved(top, there) if there else ()
    if lost:
        raise UsageError(
            f"{', '.join(lost)}: no commit has this as it is, so it would be lost",
            hint="commit it, or remove it by hand, then run `engine-ci eject` again",
        )
    for path in there if not dry_run else ():
        (top / path).unlink()
    edits = tuple(FileEdit(path=path, outcome="removed") for path in there)
    _say(Edits(schema=1, dry_run=dry_run, files=edits), as_json=json)


def _say(edits: Edits, *, as_json: bool) -> None:
    """Prints what became of the files; notes are for people, on stderr."""
    from engine_ci.cli.output import emit

    lines = [line for edit in edits.files for line in _line(edit, dry_run=edits.dry_run)]
    if as_json or lines:
        emit(edits, as_json=as_json, otherwise="\n".join(lines))
    for note in edits.notes:
        typer.echo(note, err=True)


def _line(edit: FileEdit, *, dry_run: bool) -> Iterator[str]:
    would = {"made": "would make", "removed": "would remove"}
    done = would.get(edit.outcome, edit.outcome) if dry_run else edit.outcome
    odd = ", which is not as it would be made:" if edit.outcome == "kept" else ""
    yield f"{done:<10} {edit.path}{odd}"
    yield from edit.diff.splitlines()


def _pinned(
    top: Path,
    carriers: Mapping[str, str],
    *,
    build: str | None,
    platforms: Sequence[str],
    upstream: str,
) -> Pin:
    """The pin that is there, or that of the build which the app uses."""
    from engine_ci.cli.platforms import known_platform
    from engine_ci.pins import store
    from engine_ci.setup import files, places

    path = top / files.PIN
    if path.exists():
        return store.load(path)
    tag = build or f"b{places.build(carriers)}"
    return _published(upstream, tag, platforms=[known_platform(name) for name in platforms])


def _published(repository: str, tag: str, *, platforms: Sequence[Platform]) -> Pin:
    """A pin of a release, as upstream shows it now.

    Raises:
        UsageError: there is no such release, or it lacks a file.
        OutsideError: GitHub refused, or did not answer.
    """
    import platformdirs

    from engine_ci.cli import doors
    from engine_ci.errors import NotThereError
    from engine_ci.releases import first, published
    from engine_ci.releases.sources import github_tags

    api = doors.api(platformdirs.user_cache_path("engine-ci"))
    try:
        release = api.page(f"repos/{repository}/releases/tags/{tag}", published.RELEASE).content
    except NotThereError as problem:
        raise UsageError(
            f"{repository} has no release {tag}",
            hint="name the build that the app uses now: `engine-ci init --build b11194`",
        ) from problem
    commit = github_tags.commit(repository, tag, api=api)
    if commit is None:
        raise OutsideError(
            f"{repository}: the release {tag} is there, and its tag is not",
            hint="name another build with `--build`: without its commit none is pinned",
        )
    return first.pin(release, repository=repository, commit=commit, platforms=platforms)


def _made(pin: Pin, *, app: App, found: Found) -> dict[str, str]:
    """Every file of ours, by path."""
    from engine_ci import __version__
    from engine_ci.setup import files, shipped

    return files.written(
        pin,
        app=app,
        targets=found.targets,
        workflows=shipped.workflows(),
        version=__version__,
    )


def _write(top: Path, made: Mapping[str, str], *, dry_run: bool) -> Iterator[FileEdit]:
    """Writes what is not there, and says of each file what became of it.

    Raises:
        UsageError: something else than a text is in the place of one; nothing was written.
    """
    from engine_ci.records.edits import FileEdit
    from engine_ci.system import documents

    there = {name: _read(top, name) for name in made}
    for name, text in made.items():
        path, old = top / name, there[name]
        if old is None:
            if not dry_run:
                path.parent.mkdir(parents=True, exist_ok=True)
                documents.write(path, text)
            yield FileEdit(path=name, outcome="made")
        elif old == text:
            yield FileEdit(path=name, outcome="unchanged")
        else:
            titles = {"old": f"{name} (here)", "new": f"{name} (as it would be made)"}
            difference = documents.diff(old, text, **titles)
            yield FileEdit(path=name, outcome="kept", diff=difference)


def _read(top: Path, name: str) -> str | None:
    """A text of the app's; None where there is none."""
    try:
        return (top / name).read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as problem:
        raise UsageError(
            f"{name}: expected no such file, or a text: {problem}",
            hint="move what is there away, and run `engine-ci init` again",
        ) from problem


def _told(app: App, found: Found) -> Iterator[str]:
    """What a person should know or look at."""
    if app.command and app.leaves:
        yield (
            f"`{app.command[-1]}` brings the engine: it is told the wanted build in "
            "ENGINE_CI_VERSION, and must take that instead of its own where it is set"
        )
    elif app.command:
        yield (
            f"`{app.command[-1]}` brings the engine, and where it leaves it is not known: "
            "see `bundle.prepare` in docs/reference/configuration.md, or let engine-ci bring it"
        )
    for place in found.left_out:
        yield f"{place} carries the pin, and no pattern finds it once: add a target by hand"
    if not found.targets:
        yield "no file of this app carries the pin besides: an app's build then calls `ensure`"
