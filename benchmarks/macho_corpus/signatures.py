"""Signatures in real files: each page verified, and ad-hoc ones made again and compared.

    python -m benchmarks.macho_corpus.signatures [--cache DIR] [--result FILE]

Of every slice of every file in the packages of `inputs.yaml`:

- verified: are all its pages, seals and places as they were signed?
- again: signed in place with the identifier, page size and places that its signature has, does it
  get the same code directory hash; and is the whole file the same?
- afresh: what Apple's `codesign --sign -` signed, signed as ours from the image and the name of its
  file alone (only the size of a page is taken over, which changed with the years): the same hash?
- moved: with one more run path and signed, does it hold, and does LIEF read all else as before?
  Where the header has no room for that, is it refused?

What a certificate signed is verified and moved only.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections import Counter, defaultdict
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from benchmarks.macho_corpus import inputs, lief_facts
from engine_ci.artifact.macho import identifiers, layout, profile, read, sign, verify
from engine_ci.artifact.macho.edit import Changes
from engine_ci.errors import MachOError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine_ci.artifact.macho.layout import Slice
    from engine_ci.artifact.macho.profile import Profile
    from engine_ci.artifact.macho.signature import Signature

ANSWERS = ("slices", "pages", "verified", "again", "whole file", "afresh", "moved", "no room")
PATH = "@loader_path/../Frameworks"


def main() -> None:
    """Judges, prints and stores; ends with status 1 when an answer is no."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cache", type=Path, default=Path(".engine-ci/macho-corpus"))
    parser.add_argument("--result", type=Path, default=Path(__file__).with_name("signatures.json"))
    arguments = parser.parse_args()
    arguments.cache.mkdir(parents=True, exist_ok=True)
    counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
    exceptions: list[str] = []
    samples = list(inputs.samples(arguments.cache))
    for sample in samples:
        for image in layout.slices(sample.path.read_bytes()):
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder, PurePosixPath(sample.member).name)
                path.write_bytes(image.data)
                signer, answers, noes = judged(path)
            counts[signer].update(answers)
            exceptions += [f"{sample} ({image.arch}): {no}" for no in noes]
    result = {"files": len(samples), "counts": {k: dict(counts[k]) for k in sorted(counts)}}
    arguments.result.write_text(json.dumps(result | {"exceptions": exceptions}, indent=1) + "\n")
    print(table(counts), *exceptions, sep="\n")
    sys.exit(bool(exceptions))


def table(counts: dict[str, Counter[str]]) -> str:
    """The counts in Markdown, by who signed."""
    rows = [
        f"| {signer} | " + " | ".join(f"{counts[signer][answer]:,}" for answer in ANSWERS) + " |"
        for signer in sorted(counts)
    ]
    head = f"| signed by | {' | '.join(ANSWERS)} |\n| --- |{' ---: |' * len(ANSWERS)}"
    return "\n".join((head, *rows))


def judged(path: Path) -> tuple[str, Counter[str], list[str]]:
    """Who signed a thin file, the answers that are yes, and what is wrong with the others."""
    (before,) = verify.verify(path)
    found = before.signature
    signer = _signer(found)
    answers, noes = _moved(path)
    answers += Counter(slices=1)
    if found is None:
        return signer, answers, noes
    noes += before.faults
    directories = found.directories
    answers += Counter(
        verified=not before.faults,
        pages=sum(len(each.pages) // each.algorithm.size for each in directories),
    )
    asked = []
    if found.ad_hoc:
        asked.append("again")
        answers += _again(path, found)
    if found.ad_hoc and not found.linker_signed:
        asked.append("afresh")
        answers += Counter(afresh=_afresh(path, found))
    noes += [
        f"signed {question} it has another hash" for question in asked if not answers[question]
    ]
    return signer, answers, noes


def _signer(found: Signature | None) -> str:
    if found is None:
        return "nobody"
    if not found.ad_hoc:
        return "a certificate"
    if found.linker_signed:
        return "a linker"
    return f"codesign, pages of {found.directory.page_size} bytes"


def _moved(path: Path) -> tuple[Counter[str], list[str]]:
    """With another run path; it and its signature are all that differs."""
    target = path.with_name("moved")
    (image,) = read.read(path)
    paths = [*dict.fromkeys((*image.run_paths, PATH))]
    try:
        sign.rewrite(path, target, changes=Changes(run_paths=paths), identifier="a")
    except MachOError as error:
        return Counter({"no room": 1}), [] if "has room for" in str(error) else [str(error)]
    (after,) = verify.verify(target)
    (old,), (new,) = lief_facts.facts(path), lief_facts.facts(target)
    noes = list(after.faults)
    if new != replace(old, run_paths=tuple(paths)):
        noes.append("LIEF reads other things of it when it was moved")
    return Counter(moved=not noes), noes


def _again(path: Path, before: Signature) -> Counter[str]:
    target = path.with_name("again")
    sign.resign(path, target)
    same = target.read_bytes() == path.read_bytes()
    return Counter({"again": _cdhash(target) == before.cdhash, "whole file": same})


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
    main()
