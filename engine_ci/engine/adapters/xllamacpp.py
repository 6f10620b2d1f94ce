"""The HTTP server inside a `xllamacpp` wheel: the wheel has no program, so a worker starts it."""

from __future__ import annotations

from engine_ci.engine.adapters import xllamacpp_worker
from engine_ci.engine.adapters.worker import Worker


class Xllamacpp(Worker):
    """One unpacked wheel."""

    name = "xllamacpp"
    package = "xllamacpp"
    script = xllamacpp_worker.__file__
