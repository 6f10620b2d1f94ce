"""Signatures in real files: each page verified, and ad-hoc ones made again and compared.

    python -m benchmarks.signatures FOLDER...

Three questions for every slice of every Mach-O file below the folders:

- verified: are all its pages, seals and places as they were signed?
- again: signed in place with the identifier, page size and places that its signature has, does it
  get the same code directory hash; and is the whole file the same?
- afresh: what Apple's `codesign --sign -` signed, signed as ours from the image and the name of its
  file alone (only the size of a page is taken over, which changed with the years): the same hash?

Slices that are not signed are signed and verified. What a certificate signed is only verified.
"""

from __future__ import annotations

import sys
import tempfile
from collections import Counter, defaultdict
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from engine_ci.artifact.macho import identifiers, layout, profile, sign, verify
from engine_ci.errors import MachOError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from engine_ci.artifact.macho.layout import Slice
    from engine_ci.artifact.macho.profile import Profile
    from engine_ci.artifact.macho.signature import Signature

ANSWERS = ("slices", "pages", "verified", "again", "whole file", "afresh")


def main(folders: list[str]) -> None:
    """Judges what is below the folders, and ends with status 1 when an answer is no."""
    if not folders:
        sys.exit(__doc__)
    found: defaultdict[str, Counter[str]] = defaultdict(Counter)
    wrong = []
    for path, image in images(map(Path, folders)):
        kind, answers, noes = judged(image, name=path.name)
        found[kind].update(answers)
        wrong += [f"{path} ({image.arch}): {no}" for no in noes]
    print(f"{'signed by':32}" + "".join(f"{answer:>12}" for answer in ANSWERS))
    for kind, counts in sorted(found.items()):
        print(f"{kind:32}" + "".join(f"{counts[answer]:>12,}" for answer in ANSWERS))
    print(*wrong, sep="\n")
    sys.exit(bool(wrong))


def images(folders: Iterable[Path]) -> Iterator[tuple[Path, Slice]]:
    """Every slice of every Mach-O file, links left out."""
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            if path.is_file() and not path.is_symlink():
                try:
                    found = layout.slices(path.read_bytes())
                except MachOError:
                    continue
                for image in found:
                    yield path, image


def judged(image: Slice, *, name: str) -> tuple[str, Counter[str], list[str]]:
    """Who signed a slice, the answers as counts, and which of them are no."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, name)
        path.write_bytes(image.data)
        (before,) = verify.verify(path)
        if before.signature is None:
            return "nobody", Counter(slices=1, afresh=1), _signed_afresh(path)
        noes = list(before.faults)
        answers = Counter(
            slices=1,
            verified=not noes,
            pages=sum(
                len(each.pages) // each.algorithm.size for each in before.signature.directories
            ),
        )
        if not before.signature.ad_hoc:
            return "a certificate", answers, noes
        answers += _again(path, before.signature)
        noes += [] if answers["again"] else ["signed again it has another hash"]
        if before.signature.linker_signed:
            return "a linker", answers, noes
        answers["afresh"] = _afresh(path, before.signature)
        noes += [] if answers["afresh"] else ["signed afresh it has another hash"]
        size = before.signature.directory.page_size
        return f"codesign, pages of {size} bytes", answers, noes


def _signed_afresh(path: Path) -> list[str]:
    sign.rewrite(path, path, identifier="a")
    (after,) = verify.verify(path)
    return list(after.faults)


def _again(path: Path, before: Signature) -> Counter[str]:
    target = path.with_name("again")
    sign.resign(path, target)
    return Counter({
        "again": _cdhash(target) == before.cdhash,
        "whole file": target.read_bytes() == path.read_bytes(),
    })  # fmt: skip


def _afresh(path: Path, before: Signature) -> bool:
    def profiles(images: Sequence[Slice]) -> list[Profile]:
        (image,) = images
        found = profile.codesign(image, identifier=identifiers.default(path.name, images))
        return [replace(found, page_size=before.directory.page_size)]

    target = path.with_name("afresh")
    sign.write(path, target, profiles=profiles)
    return _cdhash(target) == before.cdhash


def _cdhash(path: Path) -> str | None:
    (found,) = verify.verify(path)
    return found.signature.cdhash if found.signature and not found.faults else None


if __name__ == "__main__":
    main(sys.argv[1:])
