"""The package `llama-cpp-python`: a library without a program, so a worker serves it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from engine_ci.engine.adapters import llama_cpp_python_worker, options
from engine_ci.engine.adapters.contract import Capability
from engine_ci.engine.adapters.worker import Worker

if TYPE_CHECKING:
    from collections.abc import Mapping


class LlamaCppPython(Worker):
    """A folder that the package was installed into, with all that it needs."""

    name = "llama-cpp-python"
    package = "llama_cpp"
    script = str(Path(llama_cpp_python_worker.__file__).parent)
    live = frozenset({"threads"})
    offers: Mapping[Capability, str] = {
        Capability.EMBEDDINGS: options.EMBEDDINGS,
        Capability.METRICS: options.METRICS,
        Capability.MULTI_SLOT: options.SLOTS,
    }
