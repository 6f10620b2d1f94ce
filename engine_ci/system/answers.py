"""Answers of GitHub's REST API as files: read from a mirror, or written for one.

An answer lies under the path that it is asked by. A list is whole in one file.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol, TypeVar

from pydantic import ValidationError

from engine_ci.errors import GitHubError
from engine_ci.system import documents
from engine_ci.system.download import download
from engine_ci.system.rest import Page

if TYPE_CHECKING:
    from pydantic import TypeAdapter

T = TypeVar("T")

_MOST: Final = 64 << 20  # bytes


class Api(Protocol):
    """Whoever answers as GitHub's REST API does; `rest.RestReader` asks the server itself."""

    def page(self, address: str, shape: TypeAdapter[T], *, after: str | None = None) -> Page[T]:
        """What lies under an address; arguments and errors as of `RestReader.page`."""


def file_of(address: str) -> str:
    """The file of an answer, below the folder of all: the path, in names that any disk takes."""
    return f"{address.partition('?')[0].replace(':', '-')}.json"


@dataclass(frozen=True, slots=True)
class Kept:
    """Answers that lie in a folder, or below an address."""

    place: str

    def page(self, address: str, shape: TypeAdapter[T], *, after: str | None = None) -> Page[T]:  # noqa: ARG002 - files have no versions
        """What lies under an address.

        Raises:
            DownloadError: there is no such file, or the server did not give it.
            GitHubError: it has another shape.
        """
        name = file_of(address)
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder, "answer")
            download(self.place, name, into=file, size=None)
            if file.stat().st_size > _MOST:
                raise GitHubError(f"{self.place}/{name}: more than {_MOST} bytes")
            data = file.read_bytes()
        try:
            return Page(content=shape.validate_json(data))
        except ValidationError as problem:
            first = problem.errors(include_url=False, include_input=False)[0]
            where = ".".join(map(str, first["loc"])) or "the whole file"
            raise GitHubError(f"{self.place}/{name}: `{where}`: {first['msg']}") from problem


@dataclass(frozen=True, slots=True)
class Keeping:
    """Answers as they come from a server, each written into a folder too."""

    api: Api
    folder: Path

    def page(self, address: str, shape: TypeAdapter[T], *, after: str | None = None) -> Page[T]:
        """The answer; errors of whoever gives it.

        Raises:
            GitHubError: it comes in several parts, and one file would hold the first alone.
        """
        page = self.api.page(address, shape, after=after)
        if page.next is not None:
            raise GitHubError(f"{address}: an answer in several parts, which no mirror keeps")
        self.keep(address, page.content, shape)
        return page

    def keep(self, address: str, content: T, shape: TypeAdapter[T]) -> None:
        """Writes what is to be found under an address."""
        documents.write(self.folder / file_of(address), shape.dump_json(content, indent=2) + b"\n")
