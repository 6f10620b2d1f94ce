from __future__ import annotations

import hashlib
import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import Field, TypeAdapter, ValidationError

from engine_ci.errors import ConfigError, OutsideError, RecordError
from engine_ci.system import documents
from engine_ci.system.documents import Document, RelativePath, Versioned

if TYPE_CHECKING:
    from collections.abc import Callable


class Colour(Document):
    name: str
    shade: Annotated[float, Field(ge=0)] = 0.5


class Palette(Versioned):
    title: str
    kind: Literal["warm", "cold"] | None = None
    colours: tuple[Colour, ...] = ()


TEXT = st.text(st.characters(codec="utf-8"))
PALETTES = st.builds(
    Palette,
    schema=st.just(1),
    title=TEXT,
    kind=st.sampled_from(["warm", "cold", None]),
    colours=st.lists(
        st.builds(Colour, name=TEXT, shade=st.floats(0, 1e300, allow_infinity=False))
    ).map(tuple),
)


@pytest.fixture
def file(tmp_path: Path) -> Callable[[str | bytes], Path]:
    def write(content: str | bytes) -> Path:
        path = tmp_path / "file"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write


def yaml_error(path: Path) -> str:
    with pytest.raises(ConfigError) as caught:
        documents.load_yaml(path, Palette, error=ConfigError)
    return str(caught.value)


@given(PALETTES)
@example(Palette(schema=1, title="next\x85line\u2028and\u2029paragraph\r\n\ufeff"))
def test_yaml_that_was_dumped_loads_as_the_same_and_dumps_as_the_same_bytes(
    tmp_path_factory: pytest.TempPathFactory, palette: Palette
) -> None:
    path = tmp_path_factory.getbasetemp() / "palette.yaml"
    dumped = documents.dump_yaml(palette)
    documents.write(path, dumped)
    loaded = documents.load_yaml(path, Palette, error=ConfigError)

    assert loaded == palette
    assert documents.dump_yaml(loaded) == dumped


@given(PALETTES)
def test_json_that_was_dumped_loads_as_the_same_and_dumps_as_the_same_bytes(
    tmp_path_factory: pytest.TempPathFactory, palette: Palette
) -> None:
    path = tmp_path_factory.getbasetemp() / "palette.json"
    dumped = documents.dump_json(palette)
    documents.write(path, dumped)
    loaded = documents.load_json(path, Palette, error=RecordError)

    assert loaded == palette
    assert documents.dump_json(loaded) == dumped


def test_yaml_leaves_out_what_is_at_its_default_and_json_says_everything() -> None:
    palette = Palette(schema=1, title="grey")

    assert documents.dump_yaml(palette) == "schema: 1\ntitle: grey\n"
    assert json.loads(documents.dump_json(palette)) == {
        "schema": 1,
        "title": "grey",
        "kind": None,
        "colours": [],
    }


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("schema: 1\ntitle: x\nshape: y\n", "`shape`: unknown key"),
        ("schema: 1\n", "`title`: missing"),
        ("title: x\n", "`schema`: missing"),
        ("schema: 2\ntitle: x\n", "`schema`: Input should be 1, found 2"),
        ("schema: 1\ntitle: 1.5\n", "`title`: Input should be a valid string, found 1.5"),
        (
            "schema: 1\ntitle: x\ncolours: [{name: a, hue: 1}]\n",
            "`colours.0.hue`: unknown key",
        ),
        (
            "schema: 1\ntitle: x\ncolours: [{name: a, shade: .nan}]\n",
            "`colours.0.shade`: Input should be a finite number, found nan",
        ),
        (
            "schema: 1\ntitle: x\ncolours: [{name: a, shade: .inf}]\n",
            "`colours.0.shade`: Input should be a finite number, found inf",
        ),
        ("", "`the whole file`: Input should be a valid dictionary or instance of Palette"),
        (
            "- 1\n",
            "`the whole file`: Input should be a valid dictionary or instance of Palette",
        ),
    ],
)
def test_what_does_not_fit_is_refused_with_file_key_and_reason(
    file: Callable[[str], Path], text: str, reason: str
) -> None:
    path = file(text)

    assert yaml_error(path) == f"{path}: {reason}"


def test_every_fault_of_a_file_is_named_at_once(file: Callable[[str], Path]) -> None:
    path = file("schema: 1\nshape: y\n")

    assert yaml_error(path) == f"{path}: `title`: missing; `shape`: unknown key"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("title: x\ntitle: y\n", "the key `title` stands twice"),
        ("title: x\ncolours:\n- {name: a, name: b}\n", "the key `name` stands twice"),
        ("? [a, b]\n: x\n", "the key `[]` is no plain value"),
        ("title: [\n", "while parsing a flow node"),
        ("title: 2026-99-99\n", "month must be in 1..12"),
        ("title: !!python/object/apply:os.system [ls]\n", "could not determine a constructor"),
        ("[" * 2_000, "recursion"),
    ],
    ids=["twice", "twice inside", "no plain key", "no end", "no date", "code", "too deep"],
)
def test_what_is_not_plain_yaml_is_refused(
    file: Callable[[str], Path], text: str, reason: str
) -> None:
    path = file(text)
    message = yaml_error(path)

    assert message.startswith(f"{path}: not readable as YAML: ")
    assert reason in message
    assert "\n" not in message


@pytest.mark.parametrize(
    "text", ["", "{", "{'a': 1}", "[" * 100_000], ids=["empty", "open", "quotes", "deep"]
)
def test_what_is_not_json_is_refused(file: Callable[[str], Path], text: str) -> None:
    path = file(text)
    with pytest.raises(RecordError, match="not readable as JSON: ") as caught:
        documents.load_json(path, Palette, error=RecordError)

    assert str(caught.value).startswith(f"{path}: ")
    assert caught.value.exit_code == 2


def test_a_missing_file_is_said_to_be_missing(tmp_path: Path) -> None:
    path = tmp_path / "none.yaml"

    assert yaml_error(path) == f"{path}: there is no such file"


def test_a_folder_is_not_readable(tmp_path: Path) -> None:
    assert yaml_error(tmp_path).startswith(f"{tmp_path}: not readable: ")


def test_bytes_that_are_not_utf8_are_not_readable(file: Callable[[bytes], Path]) -> None:
    path = file(b"title: \xff\n")

    assert yaml_error(path).startswith(f"{path}: not readable: ")


def test_a_document_cannot_be_changed() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        Colour(name="red").name = "blue"  # type: ignore[misc] # what the test is about


PATHS: TypeAdapter[str] = TypeAdapter(RelativePath)


@pytest.mark.parametrize("path", ["a", "a/b.c", "pins/llama.cpp.yaml", "...", "a b", ".hidden"])
def test_a_relative_path_stays_inside(path: str) -> None:
    assert PATHS.validate_python(path) == path


@pytest.mark.parametrize(
    "path", ["", "/a", "../a", "a/..", "a//b", "a/", ".", "a/./b", "a\\b", "a\nb", "a\x7f"]
)
def test_what_may_lead_elsewhere_is_no_relative_path(path: str) -> None:
    with pytest.raises(ValidationError):
        PATHS.validate_python(path)


def test_writing_makes_the_folder_and_leaves_nothing_beside_the_file(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "er" / "file.txt"
    documents.write(path, "text é")
    documents.write(path, b"\xff")

    assert path.read_bytes() == b"\xff"
    assert path.stat().st_mode & 0o777 == 0o644
    assert list(path.parent.iterdir()) == [path]


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "pin.yaml"
    path.write_text("old")

    def write() -> None:
        with documents.replacing(path) as temporary:
            temporary.write_text("half of the n")
            raise InterruptedError

    with pytest.raises(InterruptedError):
        write()

    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    path = tmp_path / "file" / "pin.yaml"
    with pytest.raises(OutsideError, match="cannot be written: ") as caught:
        documents.write(path, "new")

    assert str(caught.value).startswith(f"{path}: ")
    assert caught.value.exit_code == 4


def test_a_write_that_is_killed_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "pin.yaml"
    path.write_text("old")
    program = """
import os, pathlib, signal, sys
from engine_ci.system import documents
with documents.replacing(pathlib.Path(sys.argv[1])) as temporary:
    temporary.write_text("half of the n")
    os.kill(os.getpid(), signal.SIGKILL)
"""
    done = subprocess.run([sys.executable, "-c", program, str(path)], check=False, timeout=60)

    assert done.returncode == -signal.SIGKILL
    assert path.read_text() == "old"


@given(st.binary(max_size=1000))
def test_a_digest_is_that_of_the_bytes(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / "bytes"
    path.write_bytes(content)

    assert documents.sha256_of(path) == hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize(
    ("problem", "said"),
    [
        (OSError(28, "No space left on device"), "place: No space left on device"),
        (OSError(13, "Permission denied", "a file"), "a file: Permission denied"),
        (OSError(28, "No space left", "one", None, "other"), "one -> other: No space left"),
        (OSError("no number"), "place: no number"),
    ],
)
def test_what_the_file_system_refuses_is_told_with_a_name(problem: OSError, said: str) -> None:
    with pytest.raises(OutsideError) as caught, documents.naming(Path("place")):
        raise problem

    assert caught.value.message == said


class Listing(Document):
    names: Annotated[tuple[Literal["one", "two"], ...], Field(min_length=1)]


@pytest.mark.parametrize(
    ("names", "said"),
    [
        ("[three]", "`names.0`: Input should be 'one' or 'two', found 'three'"),
        ("[]", "`names`: Tuple should have at least 1 item after validation, not 0"),
    ],
)
def test_a_list_with_a_wrong_item_is_not_called_too_short(names: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        documents.parse_yaml(f"names: {names}", Listing, name="file", error=ConfigError)

    assert caught.value.message == f"file: {said}"
