from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from engine_ci.errors import DownloadError, UsageError, VerificationError
from engine_ci.system import mirror, pip
from engine_ci.system.download import download
from tests.unit.shelf import Shelf, says

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A mirror with one file, named by where it is seen from."""
    (tmp_path / "a mirror" / "models").mkdir(parents=True)
    (tmp_path / "a mirror" / "models" / "file").write_bytes(b"bytes")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(mirror.VARIABLE, "a mirror")
    return tmp_path / "a mirror"


@pytest.fixture
def shelf(monkeypatch: pytest.MonkeyPatch) -> Iterator[Shelf]:
    with Shelf() as served:
        monkeypatch.setenv(mirror.VARIABLE, f"{served.url}/site/")
        yield served


def test_without_the_variable_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(mirror.VARIABLE, "")

    assert (mirror.place(), mirror.below("api"), mirror.holds("/")) == (None, None, False)
    assert mirror.pip_variables() == {}


def test_a_folder_is_known_from_everywhere_by_its_whole_path(folder: Path) -> None:
    assert mirror.place() == str(folder)
    assert mirror.below("models") == f"{folder}/models"


def test_pip_looks_into_the_folder_alone_whatever_it_is_called(folder: Path) -> None:
    assert mirror.pip_variables() == {
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": f"{folder.as_uri()}/packages",
    }
    assert " " not in mirror.pip_variables()["PIP_FIND_LINKS"]
    assert "packages" in pip.run(["config", "debug"])


def test_pip_is_given_the_page_of_a_server(shelf: Shelf) -> None:
    assert mirror.pip_variables()["PIP_FIND_LINKS"] == f"{shelf.url}/site/packages/index.html"


@pytest.mark.parametrize(
    ("named", "reason"),
    [
        ("nowhere", "there is no folder /.*/nowhere"),
        ("http://mirror.example", "not over HTTPS"),
        ("https://me:secret@mirror.example", "a user name or a password"),
        ("file:///mirror", "not over HTTPS"),
    ],
)
def test_what_is_no_mirror_is_refused_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, named: str, reason: str
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(mirror.VARIABLE, named)

    with pytest.raises(UsageError, match=f"{mirror.VARIABLE}: .*{reason}") as told:
        mirror.place()

    assert "secret" not in str(told.value)


@pytest.mark.parametrize(
    ("address", "holds"), [("site", True), ("site/models", True), ("site2", False), ("", False)]
)
def test_what_lies_in_it_is_told_by_whole_names(shelf: Shelf, address: str, holds: bool) -> None:
    assert mirror.holds(f"{shelf.url}/{address}".rstrip("/")) is holds


def test_a_file_of_a_folder_is_copied(folder: Path, tmp_path: Path) -> None:
    download(f"{folder}/models", "file", into=tmp_path / "copy", size=5)

    assert (tmp_path / "copy").read_bytes() == b"bytes"


def test_a_file_that_a_folder_lacks_is_named_with_how_to_add_it(
    folder: Path, tmp_path: Path
) -> None:
    with pytest.raises(DownloadError) as told:
        download(f"{folder}/models", "other", into=tmp_path / "copy", size=5)

    assert (str(told.value), told.value.status) == (f"the mirror has no {folder}/models/other", 404)
    assert told.value.hint == mirror.ADD


def test_a_file_that_a_server_lacks_is_named_in_the_same_way(shelf: Shelf, tmp_path: Path) -> None:
    shelf.replies.append(says(404))

    with pytest.raises(DownloadError) as told:
        download(f"{shelf.url}/site/models", "other", into=tmp_path / "copy", size=5)

    assert str(told.value) == f"the mirror has no {shelf.url}/site/models/other"
    assert told.value.hint == mirror.ADD


def test_what_no_mirror_should_have_is_not_called_a_gap_of_it(tmp_path: Path) -> None:
    with pytest.raises(DownloadError, match=f"^there is no file {tmp_path}/other$") as told:
        download(str(tmp_path), "other", into=tmp_path / "copy", size=5)

    assert told.value.hint is None


def test_a_file_that_is_too_long_is_not_copied(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(VerificationError, match="expected 4 bytes, found 5"):
        download(f"{folder}/models", "file", into=tmp_path / "copy", size=4)

    assert not (tmp_path / "copy").exists()


def test_what_cannot_be_copied_is_told_with_its_name(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(DownloadError, match=f"{folder}/models: Is a directory"):
        download(str(folder), "models", into=tmp_path / "copy", size=None)
