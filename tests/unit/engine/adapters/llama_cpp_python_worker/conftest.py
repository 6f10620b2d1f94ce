"""A model that the stand-in for `llama_cpp` has loaded, and its endpoints."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from engine_ci.engine.adapters.llama_cpp_python_worker.endpoints import Endpoints
from engine_ci.engine.adapters.llama_cpp_python_worker.loaded import Loaded
from tests.unit.engine.adapters import standin_llama_cpp

if TYPE_CHECKING:
    from collections.abc import Callable

    Load = Callable[..., tuple[Loaded, standin_llama_cpp.Llama]]
    Made = Callable[..., tuple[Endpoints, standin_llama_cpp.Llama]]


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch) -> Load:
    """`load("name", n_ctx=8)` is a model, and what stands in for the package's own object."""
    made: list[standin_llama_cpp.Llama] = []

    class Kept(standin_llama_cpp.Llama):
        def __init__(self, *, model_path: str, **parameters: object) -> None:
            super().__init__(model_path=model_path, **parameters)
            made.append(self)

    monkeypatch.setattr(standin_llama_cpp, "Llama", Kept)

    def loaded(name: str = "model", **parameters: object) -> tuple[Loaded, standin_llama_cpp.Llama]:
        found = Loaded(standin_llama_cpp, {"model_path": name} | parameters)
        return found, made[-1]

    return loaded


@pytest.fixture
def made(load: Load) -> Made:
    """`made("name", metrics=True)` are the endpoints of a model."""

    def endpoints(
        name: str = "model", *, metrics: bool = False, **parameters: object
    ) -> tuple[Endpoints, standin_llama_cpp.Llama]:
        loaded, llama = load(name, **parameters)
        return Endpoints(loaded, metrics=metrics), llama

    return endpoints
