"""Is the cache of prompts reused, shared and filled without harm, and does the log agree?

All that is expected is a golden. Alone, a conversation of the sensitive model has room enough: the
log-probabilities of its last answer show a single wrong token. Together, the stable model's chats
share a cache that holds a part of them.
"""

from __future__ import annotations

from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, Final

from engine_ci.engine import log
from engine_ci.engine.adapters.settings import Settings
from engine_ci.engine.client import Client
from engine_ci.gate import asking, checking, pressing, pressure
from engine_ci.gate.asking import Mode, session
from engine_ci.gate.checking import Answer, NotAskedError, Question
from engine_ci.records.gate import FaultClass

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from engine_ci.engine.ready_engine import Engine
    from engine_ci.gate.context import Context, LocatedModel
    from engine_ci.records.gate import Check

    Differences = Callable[[Client], Iterable[str]]
    Asked = tuple[str, str, Differences]
    # What tells of a fault in the log of each engine that was asked.
    Logs = dict[Path, Sequence[str]]

SUITE = "kv-pressure"

# Honest engines take hundredths of a second for any of these.
_ANSWER_S: Final = 20.0
# Of each slot, more than the longest prompt takes with its answer; builds round it up to a multiple
# of 256.
_CONTEXT: Final = 1536
_ROOM: Final = Settings(context=2 * _CONTEXT, slots=2, strict=True, slot_files=True)
# As small as builds make a context.
_SHIFTING: Final = Settings(context=256, strict=True, shifts=True)
# The longest three chats take 176 cells of these, the longest six 310.
_NO_ROOM: Final = Settings(context=256, slots=12, strict=True, shared=True)
_FITTING: Final = 3
# More at once, and an honest engine refuses so many that too few answers are left to judge.
_CROWD: Final = 6
_REPEATS: Final = 2

_MIDDLE: Final = "random-600"
_LONG: Final = "random-1264"


def run(context: Context) -> Iterator[Check]:
    """Six checks with the first sensitive model, two with the first stable one, one of the log."""
    logs: Logs = {}
    for located in asking.models(context, "sensitive")[:1]:
        yield from _alone(context, located, logs)
        yield from _past(context, located, logs)
    for located in asking.models(context, "stable")[:1]:
        yield from _together(context, located, logs)
    yield _question("log", "no line that tells of a fault").ask(lambda: judge_logs(logs))


def _alone(context: Context, located: LocatedModel, logs: Logs) -> Iterator[Check]:
    golden = asking.golden(context, located)
    middle, long = golden.case(_MIDDLE), golden.case(_LONG)
    offered = context.candidate.server.flags
    asked: tuple[Asked, ...] = (
        ("prefix-reuse", "only what is new is evaluated", partial(pressing.reuse, middle)),
        ("turns", "only new turns are evaluated", partial(pressing.turns, long)),
        ("too-long", "a clean 400, while another slot goes on", partial(pressing.too_long, long)),
        ("slots", "erased is gone, restored is back", partial(pressing.slots, middle, offered)),
        ("brim", "stops when full, and lives on", partial(pressing.brim, long, _CONTEXT)),
    )
    yield from _ask(context, located, asked, settings=_ROOM, logs=logs)


def _past(context: Context, located: LocatedModel, logs: Logs) -> Iterator[Check]:
    asked = partial(
        pressing.shift,
        asking.golden(context, located).case(_MIDDLE),
        _SHIFTING.context,
        located.path,
        context.candidate.server.flags,
    )
    expected = "on past the context, with the log-probabilities of what is kept"
    yield from _ask(context, located, (("shift", expected, asked),), settings=_SHIFTING, logs=logs)


def _together(context: Context, located: LocatedModel, logs: Logs) -> Iterator[Check]:
    cases = asking.golden(context, located).cases * _REPEATS
    few = partial(pressing.together, cases, _FITTING, room=True)
    many = partial(pressing.together, cases, _CROWD, room=False)
    asked: tuple[Asked, ...] = (
        ("overlap", "all right, where all find room", few),
        ("scarce", "right, or refused for want of room; right afterwards", many),
    )
    yield from _ask(context, located, asked, settings=_NO_ROOM, logs=logs)


def _ask(
    context: Context,
    located: LocatedModel,
    asked: Sequence[Asked],
    *,
    settings: Settings,
    logs: Logs,
) -> Iterator[Check]:
    fatal = pressure.FATAL if settings.shared else pressure.FATAL_WITH_ROOM
    with session(
        context,
        context.candidate,
        suite=f"{SUITE}-shift" if settings.shifts else SUITE,
        located=located,
        mode=Mode.STRICT,
        settings=settings,
    ) as opened:

        def judge(differences: Differences, engine: Engine) -> Answer:
            logs[engine.log] = fatal
            client = Client(engine.port, timeout_s=_ANSWER_S, effort=engine.process.effort)
            found = chain(differences(client), _unwell(client))
            return checking.compared(found, right="as expected")

        for name, expected, differences in asked:
            yield _question(name, expected).ask(partial(opened.answer, partial(judge, differences)))


def _question(name: str, expected: str) -> Question:
    return Question(suite=SUITE, name=name, fault_class=FaultClass.KV, expected=expected)


def _unwell(client: Client) -> Iterator[str]:
    if not client.health():
        yield "/health says that it is not well"


def judge_logs(logs: Mapping[Path, Sequence[str]]) -> Answer:
    """Judges what the engines wrote themselves; a log that is missing is a fault too.

    Raises:
        NotAskedError: no engine was asked anything.
    """
    if not logs:
        raise NotAskedError("no engine was started")
    told = chain.from_iterable(_told(*item) for item in logs.items())
    return checking.compared(told, right="as expected")


def _told(path: Path, fatal: Sequence[str]) -> Iterator[str]:
    try:
        yield from log.matching(path, fatal)
    except FileNotFoundError:
        yield f"{path.name} is missing"
