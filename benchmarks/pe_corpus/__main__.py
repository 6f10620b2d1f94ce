"""Reads every PE file of 48 wheels for Windows and compares with what LIEF reads.

    python -m benchmarks.pe_corpus [--cache DIR] [--result FILE]

The wheels of `inputs.yaml` are fetched once, 500 MB. Exit status 1: a difference. Besides, every
eighth of each file is read as a file that was cut off there, which is to end in one kind of error.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.pe_corpus import facts, inputs
from engine_ci.artifact import pe
from engine_ci.errors import VerificationError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from benchmarks.pe_corpus.facts import Facts
    from benchmarks.pe_corpus.inputs import Sample

_PARTS = 8


def main() -> None:
    """Compares, prints and stores."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cache", type=Path, default=Path(".engine-ci/pe-corpus"))
    parser.add_argument("--result", type=Path, default=Path(__file__).with_name("results.json"))
    arguments = parser.parse_args()
    arguments.cache.mkdir(parents=True, exist_ok=True)
    text = json.dumps(compare(inputs.samples(arguments.cache)), indent=1)
    arguments.result.write_text(text + "\n", encoding="utf-8")
    print(text)
    sys.exit(bool(json.loads(text)["differences"]))


def compare(samples: Iterable[Sample]) -> dict[str, Any]:
    """What came of all files."""
    wheels: Counter[str] = Counter()
    counts: Counter[str] = Counter()
    machines: Counter[str] = Counter()
    differences = []
    for sample in samples:
        theirs = facts.liefs(sample.path)
        ours = facts.ours(sample.path, known=theirs.exports)
        differences += [f"{sample}: {each}" for each in facts.differences(ours, theirs)]
        wheels[sample.wheel] += 1
        machines[f"{ours.machine:#x}"] += 1
        counts += _counts(ours)
        counts["parts refused"] += _parts_refused(sample.path)
    return {
        "wheels": dict(wheels),
        "machines": dict(machines),
        "counts": dict(counts),
        "differences": differences,
    }


def _counts(read: Facts) -> Counter[str]:
    return Counter({
        "files": 1,
        "imported libraries": len(read.imports),
        "libraries loaded late": len(read.delayed),
        "exports": len(read.exports),
        "signed": int(read.signed),
    })  # fmt: skip


def _parts_refused(path: Path) -> int:
    """Cuts the file off, an eighth shorter each time, and reads what is left."""
    size = path.stat().st_size
    refused = 0
    for part in reversed(range(_PARTS)):
        with path.open("r+b") as stream:
            stream.truncate(size * part // _PARTS)
        try:
            pe.read(path)
        except VerificationError:
            refused += 1
    return refused


if __name__ == "__main__":
    main()
