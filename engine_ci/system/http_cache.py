"""Answers that were read and understood, kept on disk for conditional requests.

What is kept is what was understood, in the reader's own shape, never what a server sent. An entry
that is damaged, or of another shape, counts as none.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Generic, TypeVar

from pydantic import ValidationError

from engine_ci.system import documents
from engine_ci.system.documents import Versioned

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pydantic import TypeAdapter

T = TypeVar("T")

_SENDABLE: Final = re.compile(r"[\x20-\x7e]{1,256}")


class Validators(Versioned):
    """What a server named an answer by, to be asked whether that is still the one.

    Attributes:
        url: that was asked.
        next: the address of the next page.
        after: the ETag that the page before it had then.
    """

    url: str
    etag: str | None = None
    modified: str | None = None
    next: str | None = None
    after: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Known(Generic[T]):
    """An answer from before."""

    validators: Validators
    content: T


@dataclass(frozen=True, slots=True)
class HttpCache:
    """A folder with a file for each address: a sha256, the validators, and the content."""

    folder: Path

    def get(self, url: str, shape: TypeAdapter[T]) -> Known[T] | None:
        """The answer from before; None where there is none, or none that is whole."""
        file = self._file(url)
        with documents.naming(file):
            if not file.exists():
                return None
            known = _read(file.read_bytes(), shape)
        if known is None:
            self.drop(url)
        return known

    def put(self, url: str, known: Known[T], shape: TypeAdapter[T]) -> None:
        """Keeps an answer; OutsideError when the disk does not take it."""
        head = known.validators.model_dump_json().encode()
        entry = head + b"\n" + shape.dump_json(known.content)
        documents.write(self._file(url), _sha256(entry) + b"\n" + entry)

    def drop(self, url: str) -> None:
        """Forgets an answer; OutsideError when the disk does not let us."""
        file = self._file(url)
        with documents.naming(file):
            file.unlink(missing_ok=True)

    def _file(self, url: str) -> Path:
        return self.folder / hashlib.sha256(url.encode()).hexdigest()


def _read(data: bytes, shape: TypeAdapter[T]) -> Known[T] | None:
    sha256, _, entry = data.partition(b"\n")
    if sha256 != _sha256(entry):
        return None
    head, _, content = entry.partition(b"\n")
    try:
        return Known(
            validators=Validators.model_validate_json(head), content=shape.validate_json(content)
        )
    except ValidationError:
        return None


def _sha256(entry: bytes) -> bytes:
    return hashlib.sha256(entry).hexdigest().encode()


def validators(url: str, headers: Mapping[str, str], *, onward: str | None = None) -> Validators:
    """What a server named an answer by; a text that no header of ours could hold is left out."""
    etag, modified = (headers.get(name, "") for name in ("ETag", "Last-Modified"))
    return Validators(
        schema=1,
        url=url,
        etag=etag if _SENDABLE.fullmatch(etag) else None,
        modified=modified if _SENDABLE.fullmatch(modified) else None,
        next=onward,
    )
