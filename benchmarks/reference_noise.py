"""How far the numpy reference is from the goldens when numpy computes with other kernels.

Run as `python -m benchmarks.reference_noise`, on x86-64. For each kernel that OpenBLAS may choose,
and with numpy's own loops for older processors, it computes every golden anew in a process of its
own, and prints the largest difference of a log-probability, or of a component of a vector; of
models that round what they multiply apart from the others.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Final

import platformdirs

from engine_ci.cli.models import located
from engine_ci.gate import goldens, pictures, recording, reference, seeing, vectors, zoo

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from engine_ci.gate.context import LocatedModel
    from engine_ci.gate.pictures import PictureGolden

OLDER: Final = "AVX512_ICL X86_V4 X86_V3"
KERNELS: Final[Mapping[str, Mapping[str, str]]] = {
    "this host's own": {},
    **{
        f"OpenBLAS for {core}": {"OPENBLAS_CORETYPE": core}
        for core in ("Prescott", "Nehalem", "Sandybridge", "Haswell")
    },
    "numpy for older processors": {"NPY_DISABLE_CPU_FEATURES": OLDER},
}


def main(arguments: Sequence[str]) -> None:
    """Prints the distances of each kernel; with any argument, as JSON, those of this process."""
    if arguments:
        print(json.dumps({name: [kind, far] for name, kind, far in _distances()}))
        return
    for name, environment in KERNELS.items():
        ran = subprocess.run(
            [sys.executable, "-m", "benchmarks.reference_noise", "measure"],
            env={**os.environ, **environment},
            stdout=subprocess.PIPE,
            check=True,
        )
        found = json.loads(ran.stdout)
        print(name)
        for kind in sorted({kind for kind, _ in found.values()}):
            far, model = max((far, model) for model, (each, far) in found.items() if each == kind)
            print(f"    {kind}: {far:.1e} ({model})", flush=True)


def _distances() -> Iterator[tuple[str, str, float]]:
    models, _ = located(cache=platformdirs.user_cache_path("engine-ci"))
    for name, model in models.items():
        if (zoo.golden_folder() / f"{name}.json").exists():
            yield name, *_distance(model, models)


def _distance(model: LocatedModel, models: Mapping[str, LocatedModel]) -> tuple[str, float]:
    path = zoo.golden_folder() / f"{model.model.name}.json"
    if model.model.role == "projector":
        return "pictures", _of_pictures(model, models, pictures.load(path))
    network = reference.load(model.path)
    if model.model.role == "embedding":
        return "vectors", max(vectors.distances(network, vectors.load(path)).values())
    kind = "models that round" if network.rounds else "models"
    far = (
        steps.max()
        for case in goldens.load(path).cases
        for steps in recording.distances(case.steps, recording.expected(network, case))
    )
    return kind, float(max(far))


def _of_pictures(
    projector: LocatedModel, models: Mapping[str, LocatedModel], golden: PictureGolden
) -> float:
    seen = reference.load_projector(projector.path)
    language = reference.load(models[golden.language_model].path)
    return max(
        float(steps.max())
        for glance, rows in seeing.expected(seen, language, golden)
        for steps in recording.distances(glance.steps, rows)
    )


if __name__ == "__main__":
    main(sys.argv[1:])
