"""Supervisors of engines that are killed: at a moment that is given, or at random ones."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# Tells the number of each process that it starts, and that the engine listens then.
_SUPERVISOR = """
import os, signal, subprocess, sys, time
from pathlib import Path
from engine_ci.engine import process

process._WATCHDOG_GRACE_S = 0.1
home, program, last = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
start, count = subprocess.Popen.__init__, 0

def counted(self, *arguments, **options):
    global count
    start(self, *arguments, **options)
    print(self.pid, flush=True)
    count += 1
    if count == last:
        os.kill(os.getpid(), signal.SIGKILL)

subprocess.Popen.__init__ = counted
process.start([program, "--port", "0"], cwd=home, env=process.environment(home), log=home / "log")
while "listening" not in (home / "log").read_text():
    time.sleep(0.005)
print("listening", flush=True)
signal.pause()
"""

# Forks a supervisor for every line that it reads. Each starts and stops engines, of which some
# crash, until it is killed.
_SUPERVISORS = """
import os, sys
from functools import partial
from pathlib import Path
from engine_ci.engine import process
from engine_ci.engine.adapters.contract import Command
from engine_ci.engine.restarts import Policy
from engine_ci.engine.runtime import Runtime
from engine_ci.engine.supervisor import Start

process._WATCHDOG_GRACE_S = 0.1
program, model, log = map(Path, sys.argv[1:])
command = Command(
    program=program, arguments=lambda port: ("-m", str(model), "--port", str(port)), model=model
)
launch = partial(Start, command, log=log)
for _ in sys.stdin:
    supervisor = os.fork()
    if supervisor:
        print(supervisor, flush=True)
        os.waitpid(supervisor, 0)
        continue
    with Runtime(launch, name="it", policy=Policy(first_s=0.01)) as runtime:
        while True:
            runtime.start()
            runtime.wait_for(lambda state: state.name == "restarting", timeout_s=0.2)
            runtime.stop()
"""


def supervisor(folder: Path, program: Path, *, at: int = 0) -> subprocess.Popen[str]:
    """One of a program; it dies of SIGKILL right at the given start, its own watchdog's being 1."""
    return subprocess.Popen(
        [sys.executable, "-c", _SUPERVISOR, str(folder), str(program), str(at)],
        stdout=subprocess.PIPE,
        text=True,
    )


def killed(
    program: Path, *, model: Path, log: Path, times: int, seed: int
) -> Iterator[list[psutil.Process]]:
    """For every supervisor, as soon as it is killed, the processes that it had then."""
    choice = random.Random(seed)
    with subprocess.Popen(
        [sys.executable, "-c", _SUPERVISORS, program, model, log],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        # The dead clear nothing away.
        env={**os.environ, "TMPDIR": str(log.parent)},
    ) as forge:
        assert forge.stdin is not None
        assert forge.stdout is not None
        for _ in range(times):
            forge.stdin.write(b"\n")
            forge.stdin.flush()
            supervisor = psutil.Process(int(forge.stdout.readline()))
            time.sleep(choice.uniform(0, 0.4))
            supervisor.suspend()  # so that it has no other children than these
            family = supervisor.children(recursive=True)
            supervisor.kill()
            yield family
