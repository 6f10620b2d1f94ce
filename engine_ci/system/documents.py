"""Typed documents on disk: read strictly, written atomically, hashed while streaming.

YAML and JSON are read into pydantic models that forbid unknown keys. A file that does not fit is
refused with its name, the key and the reason.
"""

from __future__ import annotations

import difflib
import hashlib
import json
import os
import tempfile
from collections.abc import Hashable
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, TypeVar

import yaml
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
)

from engine_ci.errors import OutsideError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from pydantic_core import ErrorDetails

    from engine_ci.errors import EngineCIError


def _stays_inside(path: str) -> str:
    if not {"", ".", ".."}.isdisjoint(path.split("/")):
        msg = "not a path inside the folder"
        raise ValueError(msg)
    return path


Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
CommitId = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{40}$")]

# Relative and POSIX, below the folder it belongs to, without control characters.
RelativePath = Annotated[
    str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f\\]+$"), AfterValidator(_stays_inside)
]


class Document(BaseModel):
    """The base of everything that is read from or written to a file: frozen, no unknown keys."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        validate_default=True,
        serialize_by_alias=True,
        allow_inf_nan=False,  # JSON has no words for them
    )


class Versioned(Document):
    """A document that says in which version of its format it is written."""

    schema_: Literal[1] = Field(alias="schema", description="The version of the file's format.")


# What to do where a disk refuses us.
DISK: Final = "look at the rights and the room of that disk, then run it again"

DocumentT = TypeVar("DocumentT", bound=Document)


class _StrictLoader(yaml.SafeLoader):
    """PyYAML takes the last of two equal keys in silence; a pin must not."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[Any] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node)
            if not isinstance(key, Hashable) or key in seen:
                reason = "stands twice" if isinstance(key, Hashable) else "is no plain value"
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key `{key}` {reason}", key_node.start_mark
                )
            seen.add(key)
        return super().construct_mapping(node, deep=deep)


class _StableDumper(yaml.SafeDumper):
    """Writes a text so that it reads as the same: line breaks of Unicode's need double quotes."""

    def represent_scalar(self, tag: str, value: str, style: str | None = None) -> yaml.ScalarNode:
        return super().represent_scalar(tag, value, style if value.isprintable() else '"')


def load_yaml(path: Path, model: type[DocumentT], *, error: type[EngineCIError]) -> DocumentT:
    """Reads a YAML file into `model`.

    Raises:
        error: the file is missing, no YAML, or does not fit; names the file, key and reason.
    """
    return parse_yaml(_read(path, error), model, name=path, error=error)


def parse_yaml(
    text: str, model: type[DocumentT], *, name: Path | str, error: type[EngineCIError]
) -> DocumentT:
    """Reads the text of a YAML file of that name into `model`; errors as for `load_yaml`."""
    try:
        value = yaml.load(text, Loader=_StrictLoader)  # noqa: S506 - a SafeLoader
    except (yaml.YAMLError, ValueError, RecursionError) as problem:
        raise error(f"{name}: not readable as YAML: {' '.join(str(problem).split())}") from problem
    return _validated(name, lambda: model.model_validate(value), error)


def load_json(path: Path, model: type[DocumentT], *, error: type[EngineCIError]) -> DocumentT:
    """Reads a JSON file into `model`; errors as for `load_yaml`."""
    text = _read(path, error)
    # In one go: to read it first and to check what was read takes twice as long.
    return _validated(path, lambda: model.model_validate_json(text), error)


def dump_yaml(document: Document) -> str:
    """The one YAML text of a document: keys in the model's order, defaults left out."""
    value = document.model_dump(mode="json", exclude_defaults=True)
    return yaml.dump(value, Dumper=_StableDumper, sort_keys=False, allow_unicode=True, width=10_000)


def dump_json(document: Document) -> str:
    """The one JSON text of a document: keys in the model's order, two spaces, a last newline."""
    return json.dumps(document.model_dump(mode="json"), indent=2, ensure_ascii=False) + "\n"


def write(path: Path, content: str | bytes) -> None:
    """Writes a file so that a reader sees the old content or the new one, never a part.

    Raises:
        OutsideError: the disk or its rights do not let us; the old file is still there.
    """
    data = content.encode() if isinstance(content, str) else content
    try:
        with replacing(path) as temporary:
            temporary.write_bytes(data)
    except OSError as problem:
        raise OutsideError(f"{path}: cannot be written: {problem.strerror}", hint=DISK) from problem


def diff(before: str, after: str, *, old: str, new: str) -> str:
    """A unified diff of two texts under their names; empty where they are equal."""
    lines = before.splitlines(), after.splitlines()
    return "\n".join(difflib.unified_diff(*lines, fromfile=old, tofile=new, lineterm=""))


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary file beside `path` that takes its place when the block ends well."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        temporary.chmod(0o644)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """What the file system refuses in the block is told with the file's name, or else `path`.

    With both names where there are two: of a copy, either disk may be at fault.

    Raises:
        OutsideError: instead of an OSError.
    """
    try:
        yield
    except OSError as problem:
        names = [name for name in (problem.filename, problem.filename2) if name is not None]
        where = " -> ".join(map(str, names)) or path
        raise OutsideError(f"{where}: {problem.strerror or problem}", hint=DISK) from problem


def sha256_of(path: Path) -> str:
    """The sha256 of a file, read in pieces."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _read(path: Path, error: type[EngineCIError]) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError as problem:
        raise error(f"{path}: there is no such file") from problem
    except (OSError, UnicodeDecodeError) as problem:
        raise error(f"{path}: not readable: {problem}") from problem


def _validated(
    path: Path | str, validate: Callable[[], DocumentT], error: type[EngineCIError]
) -> DocumentT:
    try:
        return validate()
    except ValidationError as problem:
        found = problem.errors(include_url=False)
        if found[0]["type"] == "json_invalid":
            raise error(f"{path}: not readable as JSON: {found[0]['ctx']['error']}") from problem
        lines = [
            f"`{'.'.join(str(part) for part in item['loc']) or 'the whole file'}`: {_reason(item)}"
            for item in found
            if not _is_echo(item, of=found)
        ]
        raise error(f"{path}: " + "; ".join(lines)) from problem


def _is_echo(item: ErrorDetails, *, of: Sequence[ErrorDetails]) -> bool:
    """Whether a list seems too short for no other reason than that one of its items is wrong."""
    within = any(other["loc"][:-1] == item["loc"] for other in of if other is not item)
    return item["type"] == "too_short" and within


def _reason(item: ErrorDetails) -> str:
    if item["type"] == "extra_forbidden":
        return "unknown key"
    if item["type"] == "missing":
        return "missing"
    found = item["input"]
    shown = f", found {found!r}" if isinstance(found, str | int | float) else ""
    return f"{item['msg'].removeprefix('Value error, ')}{shown}"
