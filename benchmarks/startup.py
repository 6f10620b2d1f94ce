"""How long a command of `engine-ci` takes to start, beside a bare typer program with two commands.

Run as `python -m benchmarks.startup`: `--help`, and `ensure` of an app whose bundle is there, which
reads its configuration, its pin and what the file system says. The three take turns in fresh
processes, and the quickest of each counts, by the clock and by the processor.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.unit.artifact import wheels
from tests.unit.cli.command import app_in, write_pin

ROUNDS = 25
BARE = """
import typer
app = typer.Typer()
@app.command()
def first(): pass
@app.command()
def second(): pass
app()
"""
ROOT = Path(__file__).resolve().parents[1]


def main() -> None:
    """Measures and prints."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        bare = folder / "bare.py"
        bare.write_text(BARE, encoding="utf-8")
        ensure = ensured(folder)
        commands = {
            "bare typer program": [sys.executable, str(bare), "--help"],
            "engine-ci --help": [sys.executable, "-m", "engine_ci", "--help"],
            "engine-ci ensure": ensure,
        }
        runs: dict[str, list[tuple[float, float]]] = {name: [] for name in commands}
        for _ in range(ROUNDS):
            for what, command in commands.items():
                runs[what].append(measured(command))
    print("                      clock, beyond   processor, beyond   (at most 0.15 s)")
    least: tuple[float, float] | None = None
    for what, taken in runs.items():
        clock, cpu = (min(values) for values in zip(*taken, strict=True))
        least = least or (clock, cpu)
        print(f"{what:20} {clock:6.3f} {clock - least[0]:7.3f}   {cpu:6.3f} {cpu - least[1]:10.3f}")


def measured(command: list[str]) -> tuple[float, float]:
    """Seconds of the clock and of the processor that a process takes."""
    begin, before = time.perf_counter(), _processor()
    subprocess.run(command, check=True, cwd=ROOT, stdout=subprocess.DEVNULL)
    return time.perf_counter() - begin, _processor() - before


def ensured(folder: Path) -> list[str]:
    """The command for an app whose bundle is there; its engine is a toy."""
    wheel = wheels.wheel(folder, wheels.engine())
    app = app_in(folder)
    write_pin(app, wheels.asset(wheel))
    config = app / "engine-ci.yaml"
    config.write_text(f"{config.read_text(encoding='utf-8')}mirrors: [{folder}]\n", "utf-8")
    command = [
        sys.executable, "-m", "engine_ci", "ensure", "--config", str(config),
        "--platform", "ubuntu-x64", "--into", str(folder / "engine"),
    ]  # fmt: skip
    subprocess.run(command, check=True, cwd=ROOT, stdout=subprocess.DEVNULL)
    return command


def _processor() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
