"""Starts engines for the suites, asks them, and turns whatever happens into checks."""

from __future__ import annotations

import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cache, partial
from typing import TYPE_CHECKING, Final, TypeVar

from engine_ci.engine import supervisor
from engine_ci.engine.adapters.llama_server import Settings
from engine_ci.errors import (
    EngineAnswerError,
    EngineError,
    EngineSilentError,
    EngineStartError,
    HarnessError,
)
from engine_ci.gate import goldens
from engine_ci.records.gate import Check, FaultClass, Status

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from engine_ci.engine.supervisor import Engine
    from engine_ci.gate.context import Context, LocatedModel, Subject
    from engine_ci.gate.goldens import Golden

T = TypeVar("T")

# How an engine ends is the question of one suite only; the others do not wait for a stubborn one.
_GRACE_S: Final = 1.0
_SHOWN: Final = 5
# How far past its golden end an answer may run before it is cut off.
BEYOND: Final = 8
_STRICT: Final = Settings(strict=True)
# What an app adds to its own flags where it serves an embedding model: a text is one batch.
_EMBEDDING: Final = ("--embeddings", "-b", "512", "-ub", "512")


class Mode(StrEnum):
    """With which flags an engine is started: the exact ones, or those that its users run."""

    STRICT = "strict"
    APP = "app"


class NotAskedError(Exception):
    """The question makes no sense here; its check is skipped, and this says why."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """What came of a question."""

    status: Status
    observed: str
    detail: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Question:
    """A check that has not been made yet; its id is `suite/name`."""

    suite: str
    name: str
    fault_class: FaultClass
    expected: str

    def ask(self, judge: Callable[[], Answer]) -> Check:
        """Makes the check. Errors of the engine fail it, errors of our harness are its own."""
        started = time.perf_counter()
        answer = _answer(judge)
        return Check(
            id=f"{self.suite}/{self.name}",
            suite=self.suite,
            status=answer.status,
            fault_class=self.fault_class,
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
        return Answer(status=Status.FAIL, observed=problem.message, detail="\n".join(problem.log))
    except HarnessError as problem:
        return Answer(status=Status.ERROR, observed=problem.message)


def listed(differences: Sequence[str]) -> str:
    """The first differences, a line each, and how many more there are."""
    shown = "\n".join(differences[:_SHOWN])
    more = len(differences) - _SHOWN
    return f"{shown}\nand {more} more" if more > 0 else shown


class Session:
    """One engine with one model, started when it is first asked something."""

    def __init__(self, launch: Callable[[], Engine]) -> None:
        self._engine = cache(launch)

    def answer(self, question: Callable[[Engine], T]) -> T:
        """What the engine says.

        Raises:
            NotAskedError: the engine has refused the model before.
            EngineError: it does not start, or answers wrongly; with its last log lines.
        """
        engine = self._engine()
        try:
            return question(engine)
        except EngineAnswerError as problem:
            log = problem.log or engine.log_tail()
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
    grace_s: float = _GRACE_S,
) -> Iterator[Session]:
    """A session for one suite; the engine ends with it. `settings` are those of the strict mode."""
    role = "candidate" if subject is context.candidate else "baseline"
    model = located.model.name
    log = context.logs / f"{role}-{suite}-{model}-{mode}.log"
    with ExitStack() as stack:

        def started() -> Engine:
            if reason := subject.refused.get(model):
                raise NotAskedError(f"the {role} {reason}")
            start = launch(
                context,
                subject,
                located.path,
                mode,
                log=log,
                settings=settings,
                grace_s=grace_s,
                embeds=located.model.role == "embedding",
            )
            try:
                return stack.enter_context(start)
            except EngineSilentError:
                # It would keep us waiting as long with each of the others.
                late = f"was not ready with {model} in time"
                subject.refused.update(dict.fromkeys(context.models, late))
                raise
            except EngineStartError:
                subject.refused[model] = f"did not start with {model}"
                raise

        yield Session(started)


def launch(
    context: Context,
    subject: Subject,
    model: Path,
    mode: Mode,
    *,
    log: Path,
    port: int | None = None,
    settings: Settings = _STRICT,
    ready_timeout_s: float = 60.0,
    grace_s: float = _GRACE_S,
    embeds: bool = False,
) -> AbstractContextManager[Engine]:
    """An engine in one of the two modes, on any free port or on a given one.

    The app's own flags leave no room for `settings`; they are those of the strict mode. In both
    modes an engine that `embeds` gets the flags for it.
    """
    if mode is Mode.STRICT:
        settings = replace(settings, embeddings=embeds)
        arguments = partial(_strict_arguments, subject, model, settings)
    else:
        argv = (*context.app_argv, *(_EMBEDDING if embeds else ()))
        arguments = partial(_app_arguments, argv, subject, model)
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


def _strict_arguments(
    subject: Subject, model: Path, settings: Settings, port: int
) -> tuple[str, ...]:
    return subject.server.arguments(model=model, port=port, settings=settings)


def _app_arguments(
    argv: Sequence[str], subject: Subject, model: Path, port: int
) -> tuple[str, ...]:
    return subject.server.app_arguments(argv, model=model, port=port)


def models(context: Context, role: str) -> list[LocatedModel]:
    """The models of one role."""
    return [located for located in context.models.values() if located.model.role == role]


def golden(context: Context, located: LocatedModel) -> Golden:
    """What a model of ours must answer."""
    return goldens.load(context.goldens / f"{located.model.name}.json")
