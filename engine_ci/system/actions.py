"""What a run tells GitHub Actions: a page for the step, annotations, and outputs for later jobs.

The runner reads commands out of everything that a step prints: `::name::` at the start of a line,
`##[name]` anywhere in it. Engines, upstream and pull requests write what they like, so a run stops
the commands before it prints anything; each annotation wakes them for itself alone. The other two
are files. Outside of GitHub Actions nothing happens at all.
"""

from __future__ import annotations

import os
import secrets
import sys
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from engine_ci.errors import OutsideError
from engine_ci.system.markdown import shown, visible

if TYPE_CHECKING:
    from collections.abc import Mapping

Level: TypeAlias = Literal["error", "warning", "notice"]

# Of each level the runner shows so many for a step, and drops the others without a word.
ANNOTATIONS: Final = 10
# It cuts a longer message; what comes last in ours is the least of it.
MESSAGE_CHARACTERS: Final = 4096
# A larger page is refused as a whole.
SUMMARY_BYTES: Final = 1024 * 1024
_CUT: Final = "\n\n*The rest did not fit on this page: the records of this run have all of it.*\n"


def summary(markdown: str, *, environment: Mapping[str, str] = os.environ) -> None:
    """Puts Markdown on the step's page, after what is there; the end of it is cut at the limit.

    Raises:
        OutsideError: the page's file cannot be written.
    """
    page = _file("GITHUB_STEP_SUMMARY", environment)
    if page is not None:
        written = page.stat().st_size if page.is_file() else 0
        _append(page, _fitting(f"{markdown}\n", room=SUMMARY_BYTES - written))


def annotate(
    level: Level,
    message: str,
    *,
    title: str | None = None,
    file: str | None = None,
    environment: Mapping[str, str] = os.environ,
) -> None:
    """Shows a message on the run, and beside the change of a file of the repository.

    Commands are stopped afterwards, for whatever is printed next.
    """
    if _told(environment):
        named = (("title", title), ("file", file))
        # The runner takes spaces at the end away; what is nothing then is left out.
        said = ((name, visible(value or "").strip()) for name, value in named)
        properties = ",".join(f"{name}={_property(value)}" for name, value in said if value)
        command = f"::{level}{' ' if properties else ''}{properties}::{_data(message)}"
        _print(f"::{_token()}::", command, f"::stop-commands::{_token()}")


def stop_commands(*, environment: Mapping[str, str] = os.environ) -> None:
    """From now on no line of this step is a command, whoever wrote it.

    They are not woken at the end: the runner may read what went to stdout later than what went to
    stderr, so nobody could say where the end is.
    """
    if _told(environment):
        _print(f"::stop-commands::{_token()}")


def output(name: str, value: str, *, environment: Mapping[str, str] = os.environ) -> None:
    """Sets an output of the step, of one line or many.

    Raises:
        OutsideError: the file of the outputs cannot be written.
    """
    outputs = _file("GITHUB_OUTPUT", environment)
    if outputs is not None:
        # Whoever wrote the value cannot have known what ends it.
        end = f"end_{secrets.token_hex(16)}"
        _append(outputs, _encoded(f"{name}<<{end}\n{value}\n{end}\n"))


def _told(environment: Mapping[str, str]) -> bool:
    return environment.get("GITHUB_ACTIONS") == "true"


def _file(variable: str, environment: Mapping[str, str]) -> Path | None:
    name = environment.get(variable)
    return Path(name) if name else None


@cache
def _token() -> str:
    """What wakes the commands, as long as this program runs."""
    return secrets.token_hex(16)


def _print(*lines: str) -> None:
    """In one piece, and on stderr: stdout may be somebody's data."""
    sys.stderr.write("".join(f"{line}\n" for line in lines))
    sys.stderr.flush()


def _data(text: str) -> str:
    return _percent(shown(text)[:MESSAGE_CHARACTERS]).replace("\n", "%0A")


def _property(text: str) -> str:
    return _percent(text).replace(":", "%3A").replace(",", "%2C")


def _percent(text: str) -> str:
    return text.replace("%", "%25")


def _fitting(text: str, *, room: int) -> bytes:
    """The text, or its first whole lines and a word about the rest, in at most `room` bytes."""
    whole = _encoded(text)
    if len(whole) <= room:
        return whole
    note = _encoded(_CUT)
    kept = whole[: max(0, room - len(note))].rpartition(b"\n")[0]
    return kept + note if kept else b""


def _encoded(text: str) -> bytes:
    return text.encode(errors="backslashreplace")


def _append(path: Path, data: bytes) -> None:
    try:
        with path.open("ab") as file:
            file.write(data)
    except OSError as problem:
        raise OutsideError(f"{path}: cannot be written: {problem.strerror}") from problem
