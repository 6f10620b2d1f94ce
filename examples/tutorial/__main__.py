"""Sets the scene of the tutorial: `eval "$(python -m examples.tutorial)"`.

It stays in the background until `kill $TUTORIAL_SERVER`; `docs/tutorial.md` says what to do there.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
from pathlib import Path

from examples.tutorial import github, place
from examples.tutorial.place import END


def main() -> int:
    """Starts a server in the background and prints its environment; or is that server."""
    parser = argparse.ArgumentParser(prog="python -m examples.tutorial", description=__doc__)
    parser.add_argument(
        "--into", type=Path, default=Path(".tutorial"), help="folder for everything"
    )
    parser.add_argument("--serve", action="store_true", help="stay in the foreground")
    parser.add_argument("--run-gate", type=int, metavar="N", help="as GitHub Actions does")
    parser.add_argument("--approve", type=int, metavar="N", help="as you do on GitHub's page")
    options = parser.parse_args()
    into = options.into.resolve()
    if options.serve:
        place.serve(into)
    elif options.run_gate:
        print(github.run_gate(options.run_gate))
    elif options.approve:
        print(github.approve(options.approve))
    else:
        return _in_background(into)
    return 0


def _in_background(into: Path) -> int:
    """Prints what the server says of itself, once it is there."""
    shutil.rmtree(into, ignore_errors=True)
    into.mkdir(parents=True)
    command = [sys.executable, "-m", "examples.tutorial", "--serve", "--into", str(into)]
    with (into / "server.log").open("w") as log:
        server = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            start_new_session=True,
        )
    (into / "server.pid").write_text(str(server.pid))
    for line in server.stdout or ():
        if line == END:
            return 0
        print(line, end="")
    print((into / "server.log").read_text(), file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
