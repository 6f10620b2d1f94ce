"""Writes what the code knows into the reference: `python -m docs.generator [GATE_JSON]`.

With a result of the gate over the whole zoo, its checks are the ones that are listed.
"""

from __future__ import annotations

import sys
from pathlib import Path

from docs.generator import checks, pages


def main() -> None:
    """Makes every region of every page anew."""
    for name in sys.argv[1:]:
        checks.keep(Path(name))
    for path, text in pages.made().items():
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
