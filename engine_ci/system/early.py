"""The first thing that runs: before a command has begun, a signal ends us at once, with a word.

Next to nothing is loaded for it, so that it stands as early as can be.
"""

import atexit
import os
import signal

SIGNALS = {
    signal.SIGINT: "Ctrl-C (SIGINT)",
    signal.SIGTERM: "SIGTERM",
    signal.SIGHUP: "the end of its terminal (SIGHUP)",
}
# What a shell adds to the number of the signal that ended a program.
SHELL = 128


def listen() -> None:
    """From now on a signal ends us, without a traceback."""
    for number in SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, lambda heard, _: end(heard))
    # Python takes its handlers away before it is gone, when all is done that was to be done.
    atexit.register(_be_deaf)


def end(number: int) -> None:
    """Ends us where we stand."""
    os.write(2, f"engine-ci: ended at once by {SIGNALS[signal.Signals(number)]}\n".encode())
    os._exit(SHELL + number)


def _be_deaf() -> None:
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)
