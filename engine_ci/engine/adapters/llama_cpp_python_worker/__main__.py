"""Where the program begins. Run as a folder it is no package, so it is made one first."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

if __name__ == "__main__":
    here = Path(__file__).parent
    sys.path[0] = str(here.parent)
    program = importlib.import_module(f"{here.name}.program")
    del sys.path[0]  # the package to be served finds nothing of ours
    sys.exit(program.main(sys.argv[1], sys.argv[2:]))
