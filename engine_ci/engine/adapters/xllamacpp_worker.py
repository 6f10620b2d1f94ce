"""A program of its own: the HTTP server inside a `xllamacpp` wheel, told what to do by options.

`python -I -S -B xllamacpp_worker.py FOLDER -m MODEL --port N …`, or `FOLDER --help`. FOLDER holds
the package `xllamacpp`. The wheel has no command line, so this speaks llama-server's: the options
below whose field the wheel's `CommonParams` has. It ends as `llama-server` does: with status 0 on
SIGTERM, with another one when the model cannot be served.

Only the standard library and the wheel are imported, so that nothing of ours is in the process
that is judged.
"""

from __future__ import annotations

import importlib
import signal
import sys
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from types import ModuleType


class OptionError(Exception):
    """An option that this wheel does not know, or a value that it does not take."""


class Option(NamedTuple):
    """One option of llama-server.

    Attributes:
        names: as llama-server has them.
        fields: of CommonParams, dotted; the first that a wheel has is meant, since some were
            renamed.
        fixed: the value, of an option that takes none.
        reads: the value is what the named file holds.
    """

    names: tuple[str, ...]
    fields: tuple[str, ...]
    fixed: bool | None = None
    reads: bool = False


OPTIONS: Final = (
    Option(("-m", "--model"), ("model.path",)),
    Option(("-a", "--alias"), ("model_alias",)),
    Option(("--host",), ("hostnames", "hostname")),
    Option(("--port",), ("port",)),
    Option(("-c", "--ctx-size"), ("n_ctx",)),
    Option(("-n", "--predict", "--n-predict"), ("n_predict",)),
    Option(("-b", "--batch-size"), ("n_batch",)),
    Option(("-ub", "--ubatch-size"), ("n_ubatch",)),
    Option(("-np", "--parallel"), ("n_parallel",)),
    Option(("-t", "--threads"), ("cpuparams.n_threads",)),
    Option(("-tb", "--threads-batch"), ("cpuparams_batch.n_threads",)),
    Option(("--threads-http",), ("n_threads_http",)),
    Option(("-fa", "--flash-attn"), ("flash_attn_type",)),
    Option(("-ctk", "--cache-type-k"), ("cache_type_k",)),
    Option(("-ctv", "--cache-type-v"), ("cache_type_v",)),
    Option(("-ngl", "--gpu-layers", "--n-gpu-layers"), ("n_gpu_layers",)),
    Option(("--no-op-offload",), ("no_op_offload",), fixed=True),
    Option(("-fit", "--fit"), ("fit_params",)),
    Option(("-cram", "--cache-ram"), ("cache_ram_mib",)),
    Option(("--cache-reuse",), ("n_cache_reuse",)),
    Option(("--cache-prompt",), ("cache_prompt",), fixed=True),
    Option(("--no-cache-prompt",), ("cache_prompt",), fixed=False),
    Option(("-kvu", "--kv-unified"), ("kv_unified",), fixed=True),
    Option(("-no-kvu", "--no-kv-unified"), ("kv_unified",), fixed=False),
    Option(("--swa-full",), ("swa_full",), fixed=True),
    Option(("--context-shift",), ("ctx_shift",), fixed=True),
    Option(("--no-context-shift",), ("ctx_shift",), fixed=False),
    Option(("-lm", "--load-mode"), ("load_mode",)),
    Option(("--mmap",), ("use_mmap",), fixed=True),
    Option(("--no-mmap",), ("use_mmap",), fixed=False),
    Option(("--mlock",), ("use_mlock",), fixed=True),
    Option(("--warmup",), ("warmup",), fixed=True),
    Option(("--no-warmup",), ("warmup",), fixed=False),
    Option(("--embedding", "--embeddings"), ("embedding",), fixed=True),
    Option(("--pooling",), ("pooling_type",)),
    Option(("-mm", "--mmproj"), ("mmproj.path",)),
    Option(("--no-mmproj-offload",), ("mmproj_use_gpu",), fixed=False),
    Option(("--jinja",), ("use_jinja",), fixed=True),
    Option(("--no-jinja",), ("use_jinja",), fixed=False),
    Option(("--chat-template",), ("chat_template",)),
    Option(("--chat-template-file",), ("chat_template",), reads=True),
    Option(("--reasoning-format",), ("reasoning_format",)),
    Option(("--slot-save-path",), ("slot_save_path",)),
    Option(("--slots",), ("endpoint_slots",), fixed=True),
    Option(("--no-slots",), ("endpoint_slots",), fixed=False),
    Option(("--props",), ("endpoint_props",), fixed=True),
    Option(("--metrics",), ("endpoint_metrics",), fixed=True),
    Option(("--api-key",), ("api_keys",)),
    Option(("--offline",), ("offline",), fixed=True),
    Option(("--no-ui",), ("ui",), fixed=False),
    Option(("--no-webui",), ("webui",), fixed=False),
    Option(("-s", "--seed"), ("sampling.seed",)),
    Option(("--temp", "--temperature"), ("sampling.temp",)),
    Option(("--top-k",), ("sampling.top_k",)),
    Option(("--top-p",), ("sampling.top_p",)),
    Option(("--min-p",), ("sampling.min_p",)),
    Option(("-lv", "--verbosity", "--log-verbosity"), ("verbosity",)),
)
# Where llama-server's word is not the end of the enumerator's name.
_WORDS: Final = {"on": "ENABLED", "off": "DISABLED"}
_CPU_DEVICE: Final = 0
_TRUTH: Final = {"on": True, "off": False}


def main(folder: str, arguments: list[str]) -> int:
    """Serves until it is told to stop; the exit status."""
    stops = (signal.SIGTERM, signal.SIGINT)
    # The server's threads inherit this: whichever thread a signal is for, it waits for sigwait.
    signal.pthread_sigmask(signal.SIG_BLOCK, stops)
    sys.path.insert(0, folder)
    wheel = importlib.import_module("xllamacpp")
    params = wheel.CommonParams()
    if "--help" in arguments:
        sys.stdout.write(listing(params) + ("--list-devices\n" if _tells(wheel) else ""))
        return 0
    if "--list-devices" in arguments and _tells(wheel):
        sys.stdout.write(devices(wheel))
        return 0
    try:
        apply(arguments, params)
        server = wheel.Server(params)
    except (OptionError, RuntimeError) as problem:
        sys.stderr.write(f"error: {problem}\n")
        return 1
    signal.sigwait(stops)
    del server  # which ends its threads
    return 0


def listing(params: object) -> str:
    """The options that have a field in `params`, a line each, as `llama-server --help` does."""
    return "".join(
        f"{', '.join(option.names)}  {'VALUE' if option.fixed is None else ''}\n"
        for option in OPTIONS
        if _place(params, option) is not None
    )


def devices(wheel: ModuleType) -> str:
    """The devices that the wheel finds and that are no CPU, as llama-server lists them."""
    found = [device for device in wheel.get_device_info() if int(device["type"]) != _CPU_DEVICE]
    lines = (f"  {device['name']}: {device['description']}\n" for device in found)
    return "Available devices:\n" + "".join(lines)


def apply(arguments: list[str], params: object) -> None:
    """Sets the fields that the arguments name; of an option that is given twice, the last counts.

    Raises:
        OptionError: there is no such option, its value is missing, or none of its kind.
    """
    known = {name: option for option in OPTIONS for name in option.names}
    rest = iter(arguments)
    for name in rest:
        option = known.get(name)
        place = _place(params, option) if option else None
        if option is None or place is None:
            raise OptionError(f"unknown argument: {name}")
        holder, field = place
        if option.fixed is not None:
            setattr(holder, field, option.fixed)
            continue
        text = next(rest, None)
        if text is None:
            raise OptionError(f"expected a value for argument: {name}")
        try:
            value = Path(text).read_text(encoding="utf-8") if option.reads else text
            setattr(holder, field, _value(value, getattr(holder, field), field))
        except (KeyError, OSError, ValueError) as problem:
            raise OptionError(f"unknown value for argument: {name} {text}") from problem


def _tells(wheel: object) -> bool:
    """Whether a wheel knows its devices."""
    return hasattr(wheel, "get_device_info")


def _place(params: object, option: Option) -> tuple[object, str] | None:
    """The object and the field that an option sets, None where this wheel has none."""
    for path in option.fields:
        *parents, field = path.split(".")
        holder: object = params
        for parent in parents:
            holder = getattr(holder, parent, None)
        if hasattr(holder, field):
            return holder, field
    return None


def _value(text: str, current: object, field: str) -> object:
    """What a text means for a field, by the kind of value that it has now."""
    if field == "slot_save_path":
        return f"{text}/"  # the server puts the name of a file right behind it
    match current:
        case bool():
            return _TRUTH[text]
        case Enum():  # such as ggml_type.GGML_TYPE_F16
            kind = type(current)
            word = _WORDS.get(text, text.upper().replace("-", "_"))
            return kind[f"{kind.__name__.upper()}_{word}"]
        case int() | float():
            return type(current)(text)
        case list() | set():
            return type(current)(text.split(","))
        case _:
            return text


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
