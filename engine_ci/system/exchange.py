"""Swaps what two paths name in one step, so that neither is missing for a moment."""

from __future__ import annotations

import ctypes
import os
import sys
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

# By system: the call, and its word for the current folder. Python knows neither of them. The macOS
# one is from Apple's manual (renamex_np(2)) and has not run there yet.
_CALLS: Final = {"linux": ("renameat2", -100), "darwin": ("renameatx_np", -2)}
_SWAP: Final = 2  # RENAME_EXCHANGE and RENAME_SWAP alike


def exchange(one: Path, other: Path) -> bool:
    """Whether the two were swapped; False where the system or the file system cannot."""
    name, here = _CALLS.get(sys.platform, ("", 0))
    call = getattr(ctypes.CDLL(None), name, None)
    if call is None:
        return False
    status: int = call(here, os.fsencode(one), here, os.fsencode(other), _SWAP)
    return status == 0
