"""Pure. Which features of a processor a build needs, in the words that Linux has for them.

Two things of a file tell: the level of x86-64 that its linker noted, and for which kind of
processor a variant of ggml's CPU backend is named. A third one is written by an engine that runs:
the instructions that its compiler was allowed to use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from collections.abc import Set as AbstractSet

_V2: Final = frozenset({"cx16", "lahf_lm", "pni", "popcnt", "sse4_1", "sse4_2", "ssse3"})
_V3: Final = _V2 | {"abm", "avx", "avx2", "bmi1", "bmi2", "f16c", "fma", "movbe", "xsave"}
_AVX512: Final = frozenset({"avx512bw", "avx512cd", "avx512dq", "avx512f", "avx512vl"})
_LEVELS: Final = {2: _V2, 3: _V3, 4: _V3 | _AVX512}

_HASWELL: Final = frozenset({"sse4_2", "avx", "f16c", "fma", "avx2", "bmi2"})
_SKYLAKEX: Final = _HASWELL | _AVX512
_ICELAKE: Final = _SKYLAKEX | {"avx512_vnni", "avx512vbmi"}
_ZEN4: Final = _ICELAKE | {"avx512_bf16"}
# As ggml's `CMakeLists.txt` has them, for x86-64.
_VARIANTS: Final[Mapping[str, frozenset[str]]] = {
    "x64": frozenset(),
    "sse42": frozenset({"sse4_2"}),
    "sandybridge": frozenset({"sse4_2", "avx"}),
    "ivybridge": frozenset({"sse4_2", "avx", "f16c"}),
    "piledriver": frozenset({"sse4_2", "avx", "f16c", "fma"}),
    "haswell": _HASWELL,
    "alderlake": _HASWELL | {"avx_vnni"},
    "skylakex": _SKYLAKEX,
    "cannonlake": _SKYLAKEX | {"avx512vbmi"},
    "cascadelake": _SKYLAKEX | {"avx512_vnni"},
    "cooperlake": _SKYLAKEX | {"avx512_bf16", "avx512_vnni"},
    "icelake": _ICELAKE,
    "zen4": _ZEN4,
    "sapphirerapids": _ZEN4 | {"amx_int8", "amx_tile"},
}
# The words of the line `system_info`, for x86-64.
_TOLD: Final[Mapping[str, str]] = {
    "SSE3": "pni",
    "SSSE3": "ssse3",
    "AVX": "avx",
    "AVX_VNNI": "avx_vnni",
    "AVX2": "avx2",
    "F16C": "f16c",
    "FMA": "fma",
    "BMI2": "bmi2",
    "AVX512": "avx512f",
    "AVX512_VBMI": "avx512vbmi",
    "AVX512_VNNI": "avx512_vnni",
    "AVX512_BF16": "avx512_bf16",
    "AMX_INT8": "amx_int8",
}


def of_level(level: int) -> frozenset[str]:
    """What a processor of a level of x86-64 has, 2 to 4; nothing is needed for any other."""
    return _LEVELS.get(level, frozenset())


def of_variant(name: str) -> frozenset[str] | None:
    """What a variant of the CPU backend needs, such as `haswell`; None of one that is not known."""
    return _VARIANTS.get(name)


def of_build(told: Iterable[str]) -> frozenset[str]:
    """What a build was compiled for, from the words that it writes, such as `AVX_VNNI`.

    Words for anything else, such as `OPENMP`, are left out.
    """
    return frozenset(_TOLD[word] for word in told if word in _TOLD)


def lacking(needed: AbstractSet[str], has: AbstractSet[str] | None) -> tuple[str, ...]:
    """What is needed and not there, sorted; nothing where it is not known what is there."""
    return () if has is None else tuple(sorted(needed - has))
