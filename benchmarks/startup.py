"""How long `engine-ci --help` takes beside a bare typer program with two commands.

Run as `python benchmarks/startup.py`. The two take turns in fresh processes; medians count.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROUNDS = 15
BARE = """
import typer
app = typer.Typer()
@app.command()
def first(): pass
@app.command()
def second(): pass
app()
"""


def main() -> None:
    """Measures and prints."""
    with tempfile.TemporaryDirectory() as folder:
        bare = Path(folder, "bare.py")
        bare.write_text(BARE, encoding="utf-8")
        commands = {
            "bare typer program": [sys.executable, str(bare), "--help"],
            "engine-ci": [sys.executable, "-m", "engine_ci", "--help"],
        }
        seconds: dict[str, list[float]] = {name: [] for name in commands}
        for _ in range(ROUNDS):
            for name, command in commands.items():
                begin = time.perf_counter()
                subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
                seconds[name].append(time.perf_counter() - begin)
    bare_s, ours_s = (statistics.median(values) for values in seconds.values())
    print(f"bare typer program   {bare_s:.3f} s")
    print(f"engine-ci --help     {ours_s:.3f} s")
    print(f"difference           {ours_s - bare_s:.3f} s (at most 0.15)")


if __name__ == "__main__":
    main()
