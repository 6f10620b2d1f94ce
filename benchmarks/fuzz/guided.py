"""Feeds a reader with files that atheris makes, guided by which lines of ours they reach.

    python -m pip install atheris          # in no list of this project
    python -m benchmarks.fuzz.guided macho --seconds 600

What atheris itself prints counts the files and ends with an error when a reader strays.
"""

from __future__ import annotations

import argparse
import tempfile
from contextlib import suppress
from pathlib import Path

import atheris


def main() -> None:
    """Runs one reader, from its whole files on."""
    with atheris.instrument_imports(include=["engine_ci.artifact"]):
        from benchmarks.fuzz.readers import READERS  # noqa: PLC0415 - atheris only sees what loads in this block
        from engine_ci.errors import VerificationError  # noqa: PLC0415 - loaded with them: earlier, they would load outside of it
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("reader", choices=READERS)
    parser.add_argument("--seconds", type=int, default=600)
    arguments = parser.parse_args()
    reader = READERS[arguments.reader]
    with tempfile.TemporaryDirectory() as corpus, reader.opened() as feed:
        for number, raw in enumerate(reader.seeds()):
            Path(corpus, str(number)).write_bytes(raw)

        def one(raw: bytes) -> None:
            with suppress(VerificationError):
                feed(raw)

        limits = [f"-max_total_time={arguments.seconds}", "-timeout=10", "-rss_limit_mb=2048"]
        atheris.Setup(["guided", *limits, "-max_len=65536", "-print_final_stats=1", corpus], one)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
