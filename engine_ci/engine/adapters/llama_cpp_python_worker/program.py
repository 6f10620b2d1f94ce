"""The command line: which options there are, and what becomes of them."""

from __future__ import annotations

import ctypes
import importlib
import signal
import sys
import threading
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from .endpoints import Endpoints
from .loaded import Loaded
from .serving import Server

if TYPE_CHECKING:
    from collections.abc import Callable

_TRUTH: Final = {"on": True, "off": False}
_CPU_DEVICE: Final = 0


class OptionError(Exception):
    """An option that is not known, or a value that it does not take."""


class Option(NamedTuple):
    """One option of llama-server, and the parameter that it sets: of `Llama`, or of ours.

    Attributes:
        read: makes a value of the text behind it; None where it takes none, and is true.
    """

    names: tuple[str, ...]
    parameter: str
    read: Callable[[str], object] | None = None


OPTIONS: Final = (
    Option(("-m", "--model"), "model_path", str),
    Option(("--host",), "host", str),
    Option(("--port",), "port", int),
    Option(("-c", "--ctx-size"), "n_ctx", int),
    Option(("-b", "--batch-size"), "n_batch", int),
    Option(("-ub", "--ubatch-size"), "n_ubatch", int),
    Option(("-t", "--threads"), "n_threads", int),
    Option(("-tb", "--threads-batch"), "n_threads_batch", int),
    Option(("-fa", "--flash-attn"), "flash_attn", _TRUTH.__getitem__),
    Option(("-ctk", "--cache-type-k"), "type_k", str.upper),
    Option(("-ctv", "--cache-type-v"), "type_v", str.upper),
    Option(("-ngl", "--gpu-layers", "--n-gpu-layers"), "n_gpu_layers", int),
    Option(("--embedding", "--embeddings"), "embedding"),
    Option(("--metrics",), "metrics"),
    Option(("--list-devices",), "list_devices"),
)


def main(folder: str, arguments: list[str]) -> int:
    """Serves until it is told to stop; the exit status."""
    stops = (signal.SIGTERM, signal.SIGINT)
    # The server's threads inherit this: whichever thread a signal is for, it waits for sigwait.
    signal.pthread_sigmask(signal.SIG_BLOCK, stops)
    sys.path.insert(0, folder)
    package = importlib.import_module("llama_cpp")
    if "--help" in arguments:
        sys.stdout.write(listing())
        return 0
    try:
        wanted = parsed(arguments)
        if wanted.pop("list_devices", False):
            sys.stdout.write(devices())
            return 0
        place, metrics = (wanted.pop("host"), wanted.pop("port")), wanted.pop("metrics", False)
        loaded = Loaded(package, wanted)
        server = Server(place, Endpoints(loaded, metrics=metrics))
    except (OptionError, ValueError, LookupError, OSError) as problem:
        sys.stderr.write(f"error: {problem}\n")
        return 1
    threading.Thread(target=server.serve_forever, daemon=True).start()
    signal.sigwait(stops)
    server.shutdown()
    server.server_close()
    loaded.close()
    return 0


def listing() -> str:
    """The options, a line each, as `llama-server --help` lists them."""
    return "".join(
        f"{', '.join(option.names)}  {'VALUE' if option.read else ''}\n" for option in OPTIONS
    )


def parsed(arguments: list[str]) -> dict[str, Any]:
    """The parameters that arguments name; of an option that is given twice, the last counts.

    Raises:
        OptionError: there is no such option, its value is missing, or none of its kind.
    """
    known = {name: option for option in OPTIONS for name in option.names}
    found: dict[str, Any] = {}
    rest = iter(arguments)
    for name in rest:
        option = known.get(name)
        if option is None:
            raise OptionError(f"unknown argument: {name}")
        if option.read is None:
            found[option.parameter] = True
            continue
        text = next(rest, None)
        if text is None:
            raise OptionError(f"expected a value for argument: {name}")
        try:
            found[option.parameter] = option.read(text)
        except (KeyError, ValueError) as problem:
            raise OptionError(f"unknown value for argument: {name} {text}") from problem
    return found


def devices() -> str:
    """The devices that the package finds and that are no CPU, as `--list-devices` lists them."""
    library = importlib.import_module("llama_cpp._ggml").libggml
    library.ggml_backend_dev_count.restype = ctypes.c_size_t
    library.ggml_backend_dev_get.restype = ctypes.c_void_p
    library.ggml_backend_dev_name.restype = ctypes.c_char_p
    library.ggml_backend_dev_description.restype = ctypes.c_char_p
    found = [
        ctypes.c_void_p(library.ggml_backend_dev_get(ctypes.c_size_t(number)))
        for number in range(library.ggml_backend_dev_count())
    ]
    told = [
        f"  {library.ggml_backend_dev_name(device).decode()}: "
        f"{library.ggml_backend_dev_description(device).decode()}\n"
        for device in found
        if library.ggml_backend_dev_type(device) != _CPU_DEVICE
    ]
    return "Available devices:\n" + "".join(told)
