"""What starts together: the words that ld.so and dyld share."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ImageT_co = TypeVar("ImageT_co", covariant=True)


class Images(Protocol[ImageT_co]):
    """Images by their path in the archive."""

    def __getitem__(self, path: str, /) -> ImageT_co: ...
    def __contains__(self, path: object, /) -> bool: ...
    def __iter__(self) -> Iterator[str]: ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Missing:
    """A library that the loader would not find; `why` goes on after "which"."""

    name: str
    needed_by: str
    why: str = "its run path does not find"


@dataclass(frozen=True, kw_only=True, slots=True)
class Closure:
    """What starts together.

    Attributes:
        why: for every file that the roots pull in, the first one that needs it; no roots in it.
        system: names taken from the operating system.
        borrowed: those of them that a small system may lack.
        found: by path, the path of each library that it names and that is in the archive.
    """

    why: Mapping[str, str]
    system: frozenset[str]
    missing: tuple[Missing, ...]
    borrowed: frozenset[str] = frozenset()
    found: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
