"""Starts engines for the suites, asks them, and turns whatever happens into checks."""

from __future__ import annotations

import os
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cache, partial
from itertools import takewhile
from threading import Event
from typing import TYPE_CHECKING, Final, TypeVar

from engine_ci.engine import supervisor
from engine_ci.engine.adapters.llama_server import Settings
from engine_ci.errors import (
    EngineAnswerError,
    EngineDiedError,
    EngineError,
    EngineLateError,
    EngineSilentError,
    EngineStartError,
    HarnessError,
)
from engine_ci.gate import goldens, last_words
from engine_ci.records.gate import Check, FaultClass, Status

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from engine_ci.engine.supervisor import Engine
    from engine_ci.gate.context import Context, LocatedModel, Subject
    from engine_ci.gate.goldens import Golden

S = TypeVar("S")
T = TypeVar("T")

# How an engine ends is the question of one suite only; the others do not wait for a stubborn one.
_GRACE_S: Final = 1.0
_SHOWN: Final = 5
# A connection breaks a moment before the process has ended.
_DYING_S: Final = 0.2
# How far past its golden end an answer may run before it is cut off.
BEYOND: Final = 8
_STRICT: Final = Settings(strict=True)
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


class NotAskedError(Exception):
    """The question makes no sense here; its check is skipped, and this says why."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """What came of a question.

    Attributes:
        fault_class: where it turned out to be another than the one that was asked about.
    """

    status: Status
    observed: str
    detail: str = ""
    fault_class: FaultClass | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Question:
    """A check that has not been made yet; its id is `suite/name`."""

    suite: str
    name: str
    fault_class: FaultClass
    expected: str

    def ask(
        self, judge: Callable[[], Answer], *, before: Callable[[], Answer] | None = None
    ) -> Check:
        """Makes the check. Errors of the engine fail it, errors of our harness are its own.

        `before` judges the baseline in the same way, and is asked only where the candidate fails:
        who breaks a promise that its predecessor broke too has not got worse, and is warned of. So
        is who has no predecessor that could be asked, but for a crash: such a gate never passes.
        """
        started = time.perf_counter()
        answer = _answer(judge)
        if before and answer.status is Status.FAIL:
            answer = _beside(answer, _answer(before))
        return Check(
            id=f"{self.suite}/{self.name}",
            suite=self.suite,
            status=answer.status,
            fault_class=answer.fault_class or self.fault_class,
            expected=self.expected,
            observed=answer.observed,
            detail=answer.detail,
            seconds=round(time.perf_counter() - started, 3),
        )


def _answer(judge: Callable[[], Answer]) -> Answer:
    try:
        return judge()
    except NotAskedError as reason:
        return Answer(status=Status.SKIP, observed=f"not asked: {reason}")
    except EngineError as problem:
        return Answer(
            status=Status.FAIL,
            observed=problem.message,
            detail="\n".join(problem.log),
            fault_class=_class_of(problem),
        )
    except HarnessError as problem:
        return Answer(status=Status.ERROR, observed=problem.message)


def _beside(answer: Answer, before: Answer) -> Answer:
    """A failure, or a warning where the baseline fails in the same way, or cannot be asked."""
    if before.status is Status.SKIP and answer.fault_class is None:
        said = f"whether the baseline does so too was {before.observed}"
    elif before.status is Status.FAIL and before.fault_class is answer.fault_class:
        said = "the baseline does so too"
    else:
        return answer
    return replace(answer, status=Status.WARN, observed=f"{answer.observed}; {said}")


def _class_of(problem: EngineError) -> FaultClass | None:
    """None where it is that of the question."""
    match problem:
        case EngineDiedError():
            return FaultClass.CRASH_RUNTIME
        case EngineStartError():
            return last_words.blame(problem.log)
        case _:
            return None


def listed(differences: Sequence[str]) -> str:
    """The first differences, a line each, and how many more there are."""
    shown = "\n".join(differences[:_SHOWN])
    more = len(differences) - _SHOWN
    return f"{shown}\nand {more} more" if more > 0 else shown


def compared(differences: Iterable[str], *, right: str = "the same") -> Answer:
    """Judges in what answers differ from what is known; `right` says that they do not."""
    if found := list(differences):
        observed = f"{len(found)} differences"
        return Answer(status=Status.FAIL, observed=observed, detail=listed(found))
    return Answer(status=Status.PASS, observed=right)


def ready(engine: Engine) -> Answer:
    """That an engine is there is what was asked."""
    return Answer(status=Status.PASS, observed=f"ready in {engine.started_s:.2f} s")


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
            reason = subject.refused.get(model)
            return f"the {role} {reason}" if reason else ""

        def refuse_all(reason: str) -> None:
            # It would keep us waiting as long with each of the others.
            subject.refused.update(dict.fromkeys(context.models, reason))

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
    if mode is Mode.APP:
        argv = (*subject.app_argv, *(_EMBEDDING if embeds else ()))
        arguments = partial(_app_arguments, argv, subject, model, extra)
    else:
        settings = replace(settings, embeddings=embeds)
        arguments = partial(_arguments, subject, model, settings)
    return supervisor.running(
        subject.server.program,
        arguments,
        model=model,
        log=log,
        port=port,
        ready_timeout_s=ready_timeout_s,
        grace_s=grace_s,
        embeds=embeds,
    )


def _arguments(subject: Subject, model: Path, settings: Settings, port: int) -> tuple[str, ...]:
    return subject.server.arguments(model=model, port=port, settings=settings)


def _app_arguments(
    argv: Sequence[str], subject: Subject, model: Path, extra: tuple[str, ...], port: int
) -> tuple[str, ...]:
    own = subject.server.app_arguments(argv, model=model, port=port)
    # Of an option that is given twice, llama.cpp takes the last.
    return (*own, *extra) if extra and extra[0] in subject.server.flags() else own


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
