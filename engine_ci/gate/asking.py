"""Starts engines for the suites, and asks them."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from enum import StrEnum
from functools import cache
from itertools import takewhile
from threading import Event
from typing import TYPE_CHECKING, Final, TypeVar

from engine_ci.engine import supervisor
from engine_ci.engine.adapters.settings import Settings
from engine_ci.engine.tasks import Task
from engine_ci.errors import (
    EngineAnswerError,
    EngineDiedError,
    EngineError,
    EngineLateError,
    EngineSilentError,
    EngineStartError,
)
from engine_ci.gate import goldens
from engine_ci.gate.checking import NotAskedError
from engine_ci.system import interrupts

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from engine_ci.engine.adapters.contract import Command
    from engine_ci.engine.ready_engine import Engine
    from engine_ci.gate.context import Context, LocatedModel, Subject
    from engine_ci.gate.goldens import Golden

S = TypeVar("S")
T = TypeVar("T")

# How an engine ends is the question of one suite only; the others do not wait for a stubborn one.
_GRACE_S: Final = 1.0
# A connection breaks a moment before the process has ended.
_DYING_S: Final = 0.2
# How far past its golden end an answer may run before it is cut off.
BEYOND: Final = 8
_STRICT: Final = Settings(strict=True)
# In what an engine has `refused`: every model.
_EVERY: Final = "*"
# What an app adds to its own flags where it serves an embedding model: a text is one batch.
_EMBEDDING: Final = ("--embeddings", "-b", "512", "-ub", "512")


class Mode(StrEnum):
    """How an engine is started and asked: as its users do in `APP`, exactly in the others.

    `modes` says what each of them does.
    """

    STRICT = "strict"
    CACHED = "cached"
    BRIM = "brim"
    BATCHES = "batches"
    SLOTS = "slots"
    FLASH = "flash"
    APP = "app"


class Session:
    """One engine with one model, started when it is first asked something."""

    def __init__(
        self,
        launch: Callable[[], Engine],
        *,
        refused: Callable[[], str],
        hung: Callable[[], None],
    ) -> None:
        """`refused` says why there is nothing to ask, if so; `hung` is told when one hangs."""
        self._engine = cache(launch)
        self._refused = refused
        self._hung = hung

    def answer(self, question: Callable[[Engine], T]) -> T:
        """What the engine says.

        Raises:
            NotAskedError: the engine has refused the model before, or has hung.
            EngineError: it does not start, or answers wrongly; with its last log lines.
        """
        if reason := self._refused():
            raise NotAskedError(reason)
        engine = self._engine()
        try:
            return question(engine)
        except EngineAnswerError as problem:
            log = problem.log or engine.log_tail()
            if isinstance(problem, EngineLateError):
                self._hung()
            elif engine.process.ended(within_s=_DYING_S):
                message = f"the engine {engine.stop()}: {problem.message}"
                raise EngineDiedError(message, log=log) from problem
            raise EngineAnswerError(problem.message, log=log, hint=problem.hint) from problem


@contextmanager
def session(
    context: Context,
    subject: Subject,
    *,
    suite: str,
    located: LocatedModel,
    mode: Mode,
    settings: Settings = _STRICT,
    extra: tuple[str, ...] = (),
    grace_s: float = _GRACE_S,
) -> Iterator[Session]:
    """A session for one suite; the engine ends with it.

    `settings` and `extra` are as for `launch`.
    """
    role = "candidate" if subject is context.candidate else "baseline"
    model = located.model.name
    log = context.logs / f"{role}-{suite}-{model}-{mode}.log"
    with ExitStack() as stack:

        def refused() -> str:
            reason = subject.refused.get(_EVERY) or subject.refused.get(model)
            return f"the {role} {reason}" if reason else ""

        def refuse_all(reason: str) -> None:
            # It would keep us waiting as long with each of the others.
            subject.refused.setdefault(_EVERY, reason)

        def started() -> Engine:
            start = launch(
                subject,
                located.path,
                mode,
                log=log,
                settings=settings,
                extra=extra,
                grace_s=grace_s,
                embeds=located.model.role == "embedding",
            )
            try:
                return stack.enter_context(start)
            except EngineSilentError:
                refuse_all(f"was not ready with {model} in time")
                raise
            except EngineStartError:
                subject.refused[model] = f"did not start with {model}"
                raise

        yield Session(started, refused=refused, hung=lambda: refuse_all(f"has hung with {model}"))


def launch(
    subject: Subject,
    model: Path,
    mode: Mode,
    *,
    log: Path,
    port: int | None = None,
    settings: Settings = _STRICT,
    extra: tuple[str, ...] = (),
    ready_timeout_s: float = 60.0,
    grace_s: float = _GRACE_S,
    embeds: bool = False,
) -> AbstractContextManager[Engine]:
    """An engine in one of the modes, on any free port or on a given one.

    The app's own flags leave no room for `settings`; they are those of the other modes. `extra` is
    one option that overrides the app's, in builds that have it. In all modes an engine that
    `embeds` gets the flags for it.
    """
    interrupts.refuse_to_start()
    if mode is Mode.APP:
        argv = (*subject.app_argv, *(_EMBEDDING if embeds else ()))
        command = _with(extra, subject.server.app_command(argv, model=model), subject=subject)
    else:
        if embeds and settings.task is Task.TEXT:
            settings = replace(settings, task=Task.VECTORS)
        command = subject.server.command(model, settings=settings)
    return supervisor.running(
        command, log=log, port=port, ready_timeout_s=ready_timeout_s, grace_s=grace_s
    )


def _with(extra: tuple[str, ...], command: Command, *, subject: Subject) -> Command:
    def arguments(port: int) -> tuple[str, ...]:
        own = command.arguments(port)
        # Of an option that is given twice, llama.cpp takes the last.
        return (*own, *extra) if extra and extra[0] in subject.server.flags() else own

    return replace(command, arguments=arguments)


def require(subject: Subject, option: str) -> None:
    """NotAskedError where the build has no such option, without which there is no question."""
    if option not in subject.server.flags():
        raise NotAskedError(f"this build has no {option}")


def of_baseline(
    context: Context,
    opened: Callable[[Subject], AbstractContextManager[Session]],
    question: Callable[[Engine], T],
) -> T:
    """What the baseline says in a session of its own.

    Raises:
        NotAskedError: there is none, or it gave no answer.
    """
    try:
        return before(context, opened, question)
    except EngineAnswerError as problem:
        raise _no_answer(problem) from problem


def before(
    context: Context,
    opened: Callable[[Subject], AbstractContextManager[Session]],
    question: Callable[[Engine], T],
) -> T:
    """The same, where a wrong answer is an answer.

    Raises:
        NotAskedError: there is no baseline, or it does not start.
        EngineAnswerError: it answers wrongly, or dies of the question.
    """
    if context.baseline is None:
        raise NotAskedError("there is no baseline that runs")
    try:
        with opened(context.baseline) as asked:
            return asked.answer(question)
    except EngineStartError as problem:
        raise _no_answer(problem) from problem


def _no_answer(problem: EngineError) -> NotAskedError:
    return NotAskedError(f"the baseline gave no answer: {problem}")


def side_by_side(work: Callable[[S], Iterable[T]], items: Iterable[S]) -> Generator[T, None, None]:
    """What comes of each item, in their order, worked out for several at a time.

    As many as there are cores: nothing here is timed, and starting an engine is mostly waiting.
    """
    over = Event()

    def done(item: S) -> list[T]:
        return list(takewhile(lambda _: not over.is_set(), work(item)))

    pool = ThreadPoolExecutor(os.cpu_count())
    try:
        for found in pool.map(done, items):
            yield from found
    finally:
        # Who is interrupted waits only for the next result of what has begun.
        over.set()
        pool.shutdown(cancel_futures=True)


def models(context: Context, role: str) -> list[LocatedModel]:
    """The models of one role."""
    return [located for located in context.models.values() if located.model.role == role]


def golden(context: Context, located: LocatedModel) -> Golden:
    """What a model of ours must answer."""
    return goldens.load(context.goldens / f"{located.model.name}.json")
