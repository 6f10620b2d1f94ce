"""Pure. What an engine is claimed to be, and what becomes of a claim where it can be met, or not.

A claim that is not met with the accelerator that it wishes for is degraded to the one that it
names as its fallback, of which all the rest is asked too. Where there is none, or that one does not
meet it either, the claim is rejected.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from pydantic import Field, StringConstraints, ValidationError, WrapValidator
from pydantic_core import PydanticCustomError

from engine_ci.engine.adapters.contract import Capability
from engine_ci.system.documents import Document

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydantic import ValidatorFunctionWrapHandler


def _named(value: object, check: ValidatorFunctionWrapHandler) -> object:
    try:
        return check(value)
    except ValidationError as problem:
        raise PydanticCustomError(
            "accelerator",
            "expected a lower-case name such as cpu, cuda, metal or vulkan, found {found}",
            {"found": ascii(value)[:40]},
        ) from problem


Accelerator = Annotated[
    str, StringConstraints(pattern=r"^[a-z][a-z0-9]{0,31}$"), WrapValidator(_named)
]


class Claim(Document):
    """What an engine should be; only the model has to be named.

    Attributes:
        model: the file that it serves.
        min_tokens_per_second: that one request is generated with at least.
        context: tokens that one slot must hold.
        accelerator: what it computes with, such as `cpu` or `vulkan`; None leaves it to the engine.
        features: that it must have.
        fallback: the accelerator that will do instead.
    """

    model: Path
    min_tokens_per_second: Annotated[float, Field(gt=0)] | None = None
    context: Annotated[int, Field(ge=0)] = 0
    accelerator: Accelerator | None = None
    features: frozenset[Capability] = frozenset()
    fallback: Accelerator | None = None


@dataclass(frozen=True, slots=True)
class Granted:
    """The claim can be met as it is."""


@dataclass(frozen=True, slots=True)
class Degraded:
    """It can be met but for its accelerator, in whose place `fallback` serves."""

    fallback: str
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Rejected:
    """It cannot be met."""

    reasons: tuple[str, ...]


Decision = Granted | Degraded | Rejected


def decide(claim: Claim, *, against: Callable[[str | None], tuple[str, ...]]) -> Decision:
    """What becomes of a claim.

    Args:
        claim: the whole of it.
        against: what speaks against it with an accelerator, a line each. The fallback is only
            asked for where it is needed.
    """
    reasons = against(claim.accelerator)
    if not reasons:
        return Granted()
    if claim.fallback is None or claim.fallback == claim.accelerator:
        return Rejected(reasons)
    besides = against(claim.fallback)
    if not besides:
        return Degraded(claim.fallback, reasons)
    return Rejected(tuple(dict.fromkeys((*reasons, *besides))))
