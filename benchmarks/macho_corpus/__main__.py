"""Reads every Mach-O file of 34 packages and compares with what LIEF and LLVM read.

    python -m benchmarks.macho_corpus [--cache DIR] [--llvm FOLDER] [--result FILE]

The packages of `inputs.yaml` are fetched once, 270 MB. Exit status 1: a difference that nobody
looked into, and that stands not in that file. A tool that is missing is said, and its
column is left out: `apt install llvm-19` for LLVM's, Node's npm for its packages.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter, defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.macho_corpus import facts, inputs, lief_facts, llvm_facts
from benchmarks.macho_corpus.questions import OURS, QUESTIONS

if TYPE_CHECKING:
    from benchmarks.macho_corpus.inputs import Sample
    from benchmarks.macho_corpus.llvm_facts import Tools
    from benchmarks.macho_corpus.questions import Readings

UNEXPLAINED = "unexplained"


def main() -> None:
    """Compares, prints and stores."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cache", type=Path, default=Path(".engine-ci/macho-corpus"))
    parser.add_argument("--llvm", type=Path, help="the folder of its programs; else PATH is asked")
    parser.add_argument("--result", type=Path, default=Path(__file__).with_name("results.json"))
    arguments = parser.parse_args()
    arguments.cache.mkdir(parents=True, exist_ok=True)
    llvm = llvm_facts.tools(arguments.llvm)
    if llvm is None:
        print("llvm-objdump-19 and llvm-nm-19 are missing: nothing is compared with LLVM")
    result = compare(list(inputs.samples(arguments.cache)), llvm=llvm)
    arguments.result.write_text(json.dumps(result, indent=1) + "\n")
    print(table(result))
    sys.exit(any(each["why"] == UNEXPLAINED for each in result["exceptions"]))


def compare(samples: list[Sample], *, llvm: Tools | None) -> dict[str, Any]:
    """All questions to all samples."""
    agreements: Counter[str] = Counter()
    exceptions: list[dict[str, str]] = []
    counts: Counter[str] = Counter(files=len(samples))
    seconds: dict[str, float] = defaultdict(float)
    for sample in samples:
        readings = _readings(sample, llvm=llvm, seconds=seconds)
        counts += _counts(readings[OURS])
        for question, ask in QUESTIONS.items():
            for against, difference in ask(readings):
                if difference is None:
                    agreements[f"{question}, {against}"] += 1
                else:
                    exceptions.append(_exception(sample, question, against, difference))
    return {
        "packages": dict(Counter(sample.package for sample in samples)),
        "counts": dict(counts),
        "seconds": {name: round(value, 2) for name, value in seconds.items()},
        "agreements": dict(agreements),
        "exceptions": exceptions,
    }


def _counts(read: list[facts.Facts]) -> Counter[str]:
    found: Counter[str] = Counter(images=len(read))
    for each in read:
        found["imports"] += len(each.imports)
        found["weak imports"] += sum(weak for _, _, weak in each.imports)
        found["shared definitions"] += len(each.shared)
        found["exports"] += len(each.exports)
    return found


def _exception(sample: Sample, question: str, against: str, difference: str) -> dict[str, str]:
    return {
        "file": str(sample),
        "question": question,
        "against": against,
        "difference": difference,
        "why": inputs.known().get((str(sample), question, against), UNEXPLAINED),
    }


def _readings(sample: Sample, *, llvm: Tools | None, seconds: dict[str, float]) -> Readings:
    """What each reader says, with the seconds of the clock that it took."""
    readings: dict[str, list[facts.Facts]] = {}
    begin = time.perf_counter()
    readings[OURS] = facts.ours(sample.path)
    seconds[OURS] += time.perf_counter() - begin
    begin = time.perf_counter()
    readings["LIEF"] = lief_facts.facts(sample.path)
    seconds["LIEF"] += time.perf_counter() - begin
    if llvm is not None:
        begin = time.perf_counter()
        readings["LLVM"] = [
            llvm_facts.facts(sample.path, tools=llvm, arch=each.arch) for each in readings[OURS]
        ]
        seconds["LLVM"] += time.perf_counter() - begin
    return readings


def table(result: dict[str, Any]) -> str:
    """Agreements in Markdown, then every exception."""
    counts = ", ".join(f"{value:,} {name}" for name, value in result["counts"].items())
    lines = [counts, "", "| question, against | agree | differ |", "| --- | ---: | ---: |"]
    differ = Counter(f"{each['question']}, {each['against']}" for each in result["exceptions"])
    lines += [
        f"| {name} | {count:,} | {differ[name]:,} |" for name, count in result["agreements"].items()
    ]
    lines += [
        f"- {each['file']}: {each['question']}, {each['against']}: {each['difference']}; "
        f"{each['why']}"
        for each in result["exceptions"]
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
