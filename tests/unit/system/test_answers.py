from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import pytest
from pydantic import TypeAdapter

from engine_ci.errors import DownloadError, GitHubError
from engine_ci.system import answers
from engine_ci.system.answers import Keeping, Kept, file_of
from engine_ci.system.rest import Page

if TYPE_CHECKING:
    from pathlib import Path

T = TypeVar("T")
NUMBERS = TypeAdapter(tuple[int, ...])


@dataclass
class Server:
    """Gives one answer to everything."""

    content: object
    next: str | None = None

    def page(self, _: str, shape: TypeAdapter[T], *, after: str | None = None) -> Page[T]:
        assert after is None
        return Page(content=shape.validate_python(self.content), next=self.next)


@pytest.mark.parametrize(
    ("address", "file"),
    [
        ("repos/a/b/releases?per_page=100", "repos/a/b/releases.json"),
        ("repos/a/b/releases/tags/b1", "repos/a/b/releases/tags/b1.json"),
        ("repos/a/b/attestations/sha256:0f", "repos/a/b/attestations/sha256-0f.json"),
    ],
)
def test_an_answer_lies_under_its_path(address: str, file: str) -> None:
    assert file_of(address) == file


def test_what_was_kept_is_found_again(tmp_path: Path) -> None:
    given = Keeping(Server((1, 2)), tmp_path).page("a/b?page=1", NUMBERS)

    assert Kept(str(tmp_path)).page("a/b", NUMBERS, after="x") == given == Page(content=(1, 2))


def test_an_answer_in_several_parts_is_not_kept_as_its_first(tmp_path: Path) -> None:
    with pytest.raises(GitHubError, match="an answer in several parts"):
        Keeping(Server((1,), next="a?page=2"), tmp_path).page("a", NUMBERS)

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("text", "reason"),
    [('["x"]', "`0`: Input should be a valid integer"), ("<html>", "Invalid JSON")],
)
def test_what_is_no_such_answer_is_told_with_its_place(
    tmp_path: Path, text: str, reason: str
) -> None:
    (tmp_path / "a.json").write_text(text)

    with pytest.raises(GitHubError, match=f"^{tmp_path}/a.json: .*{reason}"):
        Kept(str(tmp_path)).page("a", NUMBERS)


def test_an_answer_without_end_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answers, "_MOST", 3)
    (tmp_path / "a.json").write_text("[1, 2]")

    with pytest.raises(GitHubError, match="more than 3 bytes"):
        Kept(str(tmp_path)).page("a", NUMBERS)


def test_an_answer_that_is_not_there_is_no_answer_that_there_is_none(tmp_path: Path) -> None:
    with pytest.raises(DownloadError, match="there is no file"):
        Kept(str(tmp_path)).page("a", NUMBERS)
