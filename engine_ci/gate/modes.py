"""How each mode starts and asks an engine.

The answers of all modes but those with flash attention are those of the goldens. Modes that start
it alike share a start.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain, groupby
from typing import TYPE_CHECKING, Final

from engine_ci.engine.adapters.settings import Settings
from engine_ci.gate import asking, pressing, pressure
from engine_ci.gate.asking import BEYOND, Mode

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager

    from engine_ci.engine.client import Client, Completion
    from engine_ci.gate.asking import Session
    from engine_ci.gate.context import Context, LocatedModel, Subject
    from engine_ci.gate.goldens import Case, Golden

# Tokens that the longest prompts of the zoo take with their answers.
CONTEXT: Final = 1280
# Of each slot: builds take multiples of 256, and only one mode is to see the end.
_ROOM: Final = CONTEXT + 256
# Prompts that are worked on together.
AT_ONCE: Final = 4
# Tokens of a prompt behind its cached part. A state space remembers tens of tokens: were there more
# of these, it would have forgotten whatever is wrong with the cache.
TAIL: Final = 8
_ANY_SLOT: Final = -1
_STRICT: Final = Settings(context=_ROOM, strict=True)

SETTINGS: Final[Mapping[Mode, Settings]] = {
    Mode.STRICT: _STRICT,
    Mode.CACHED: _STRICT,
    Mode.BRIM: replace(_STRICT, context=CONTEXT),
    # Even the prompts of the stable models span parts, the long ones many batches.
    Mode.BATCHES: replace(_STRICT, batch=64, part=16),
    Mode.SLOTS: replace(_STRICT, context=AT_ONCE * _ROOM, slots=AT_ONCE),
    Mode.FLASH: Settings(context=_ROOM, flash=True),
    Mode.APP: Settings(),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Exchange:
    """A case, and what came of it.

    Attributes:
        what: the request, in words; no two of a mode are called the same.
        amiss: what was not as it should be beside the answer, in words.
    """

    what: str
    case: Case
    found: Completion
    amiss: tuple[str, ...] = ()


def starts(modes: Iterable[Mode]) -> list[list[Mode]]:
    """The modes, in their order, by the engines that serve them."""
    return [list(group) for _, group in groupby(modes, key=SETTINGS.__getitem__)]


def session(
    context: Context, subject: Subject, *, suite: str, located: LocatedModel, mode: Mode
) -> AbstractContextManager[Session]:
    """A session in that mode, for one suite."""
    return asking.session(
        context, subject, suite=suite, located=located, mode=mode, settings=SETTINGS[mode]
    )


def filling(golden: Golden) -> Case | None:
    """The case that fills the context with its answer, to the last token."""
    lengths = {len(case.prompt) + len(case.steps): case for case in golden.cases}
    return lengths.get(CONTEXT)


def ask(mode: Mode, cases: Sequence[Case], client: Client, *, top: int = 0) -> list[Exchange]:
    """Asks an engine that was started in that mode; errors as for `Client.complete`.

    Args:
        mode: `BRIM` takes nothing but cases that fill the context.
        cases: with different names.
        client: of the engine.
        top: how many of the likeliest tokens to name at each step.
    """
    if mode is Mode.SLOTS:
        one = partial(_plain, client=client, top=top, slot=_ANY_SLOT)
        with ThreadPoolExecutor(AT_ONCE) as pool:
            return list(pool.map(one, cases))
    if mode is Mode.CACHED:
        return list(chain.from_iterable(_cached(case, client, top=top) for case in cases))
    one = partial(_brim if mode is Mode.BRIM else _plain, client=client, top=top)
    return [one(case) for case in cases]


def _plain(case: Case, *, client: Client, top: int, slot: int = 0) -> Exchange:
    return Exchange(what=case.id, case=case, found=_complete(case, client, top=top, slot=slot))


def _complete(
    case: Case,
    client: Client,
    *,
    top: int,
    slot: int = 0,
    cache: bool = False,
    fills: bool = False,
) -> Completion:
    """The answer to a case, with room to run past its golden end where something must stop it."""
    ends = case.stop == "eos"
    return client.complete(
        case.prompt,
        count=len(case.steps) + (BEYOND if ends or fills else 0),
        top=top,
        cache=cache,
        slot=slot,
        ignore_eos=not ends,
        fills=fills,
    )


def _cached(case: Case, client: Client, *, top: int) -> Iterator[Exchange]:
    """All of a prompt but its tail, then all of it, and all of it again.

    The second time the cache has an answer besides. Attention drops its tokens from the cache; the
    state of a state space is of all tokens, so engines go back to an earlier copy or start over.
    Only the answer is judged then.
    """
    client.complete(case.prompt[:-TAIL], count=1)
    grown = _complete(case, client, top=top, cache=True)
    amiss = tuple(pressure.reworked(case.id, range(1, TAIL + 1), grown))
    yield Exchange(what=case.id, case=case, found=grown, amiss=amiss)
    again = _complete(case, client, top=top, cache=True)
    yield Exchange(what=f"{case.id} again", case=case, found=again)


def _brim(case: Case, *, client: Client, top: int) -> Exchange:
    """An answer that only the end of the context stops; a prompt that leaves no room for one."""
    found = _complete(case, client, top=top, fills=True)
    reply = pressing.reply(client, case.prompt + case.tokens, slot=0)
    amiss = chain(
        pressure.not_full(case, found, context=CONTEXT),
        pressure.not_refused(reply),
    )
    return Exchange(what=case.id, case=case, found=found, amiss=tuple(amiss))
