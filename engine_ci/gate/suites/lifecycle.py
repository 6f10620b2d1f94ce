"""Does the candidate stop when asked, leave nothing behind, refuse a broken model, and live on?"""

from __future__ import annotations

import tempfile
from contextlib import suppress
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

import psutil

from engine_ci.errors import EngineStartError
from engine_ci.gate import asking
from engine_ci.gate.asking import Answer, Mode, Question, session
from engine_ci.records.gate import FaultClass, Status
from engine_ci.system.http import port_is_free

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine_ci.engine.process import Stopped
    from engine_ci.engine.supervisor import Engine
    from engine_ci.gate.context import Context, LocatedModel
    from engine_ci.gate.goldens import Case
    from engine_ci.records.gate import Check

SUITE = "lifecycle"

_GRACE_S: Final = 5.0
_REFUSAL_S: Final = 10.0
_DYING_S: Final = 1.0
# Long enough that the engine is still at it when the client leaves after the first token.
_LONG: Final = 2000

_STOPS: Final = Question(
    suite=SUITE,
    name="stops",
    fault_class=FaultClass.EXIT,
    expected=f"ends with status 0 within {_GRACE_S:.0f} s of SIGTERM",
)
_LEAVES_NOTHING: Final = Question(
    suite=SUITE,
    name="leaves-nothing",
    fault_class=FaultClass.ORPHAN,
    expected="none of its processes lives on",
)
_STARTS_AGAIN: Final = Question(
    suite=SUITE,
    name="starts-again",
    fault_class=FaultClass.EXIT,
    expected="ready a second time, on the same port",
)
_CLIENT_LEAVES: Final = Question(
    suite=SUITE,
    name="client-leaves",
    fault_class=FaultClass.CRASH_RUNTIME,
    expected="healthy and right after a client left in mid-stream",
)
_REFUSES: Final = Question(
    suite=SUITE,
    name="refuses-half-a-model",
    fault_class=FaultClass.FALSE_READY,
    expected="ends with a status other than 0",
)


def run(context: Context) -> Iterator[Check]:
    """Five checks with the first stable model and the app's own flags."""
    for located in asking.models(context, "stable")[:1]:
        yield from _end_and_start_again(context, located)
        yield _client_leaves(context, located)
        yield _REFUSES.ask(partial(_refuses, context, located))


@dataclass(frozen=True, kw_only=True, slots=True)
class End:
    """What was seen when an engine was stopped.

    Attributes:
        alive: processes of its own that outlived it.
    """

    stopped: Stopped
    alive: tuple[str, ...]
    port: int


def _end_and_start_again(context: Context, located: LocatedModel) -> Iterator[Check]:
    with session(
        context,
        context.candidate,
        suite=SUITE,
        located=located,
        mode=Mode.APP,
        grace_s=_GRACE_S,
    ) as opened:
        end = cache(lambda: opened.answer(_end))
        yield _STOPS.ask(lambda: judge_end(end().stopped))
        yield _LEAVES_NOTHING.ask(lambda: judge_remains(end().alive))
        yield _STARTS_AGAIN.ask(lambda: _start_again(context, located, port=end().port))


def _end(engine: Engine) -> End:
    family: list[psutil.Process] = []
    with suppress(psutil.NoSuchProcess):
        family = psutil.Process(engine.pid).children(recursive=True)
    stopped = engine.stop()
    _, alive = psutil.wait_procs(family, timeout=_DYING_S)
    names = tuple(name for process in alive if (name := _name(process)))
    return End(stopped=stopped, alive=names, port=engine.port)


def _name(process: psutil.Process) -> str:
    """The name of a process, "" when it is dead and merely nobody has asked how it ended."""
    with suppress(psutil.NoSuchProcess):
        if process.status() != psutil.STATUS_ZOMBIE:
            return f"{process.pid} ({process.name()})"
    return ""


def judge_end(stopped: Stopped) -> Answer:
    """Judges how an engine ended that was asked to."""
    well = stopped.status == 0 and not stopped.killed
    how = "had to be killed" if stopped.killed else str(stopped)
    return Answer(
        status=Status.PASS if well else Status.FAIL,
        observed=f"{how} after {stopped.seconds:.2f} s",
    )


def judge_remains(alive: tuple[str, ...]) -> Answer:
    """Judges what is left of an engine that has ended."""
    if alive:
        return Answer(status=Status.FAIL, observed=f"alive: {', '.join(alive)}")
    return Answer(status=Status.PASS, observed="nothing is left")


def _start_again(context: Context, located: LocatedModel, *, port: int) -> Answer:
    if not port_is_free(port):
        return Answer(status=Status.FAIL, observed=f"port {port} is still taken")
    log = context.logs / "candidate-lifecycle-again.log"
    start = asking.launch(context, context.candidate, located.path, Mode.APP, log=log, port=port)
    with start as engine:
        return Answer(
            status=Status.PASS, observed=f"ready on port {port} in {engine.started_s:.2f} s"
        )


def _client_leaves(context: Context, located: LocatedModel) -> Check:
    case = asking.golden(context, located).cases[0]
    with session(context, context.candidate, suite=SUITE, located=located, mode=Mode.APP) as opened:
        return _CLIENT_LEAVES.ask(lambda: opened.answer(partial(_leave_and_ask, case)))


def _leave_and_ask(case: Case, engine: Engine) -> Answer:
    stream = engine.client.stream(case.prompt, count=_LONG)
    next(stream)
    stream.close()
    found = engine.client.complete(case.prompt, count=len(case.steps), ignore_eos=False).tokens
    if found != case.tokens:
        return Answer(
            status=Status.FAIL,
            observed="other tokens than before",
            detail=f"case {case.id}: expected {list(case.tokens)}, found {list(found)}",
        )
    if not engine.client.health():
        return Answer(status=Status.FAIL, observed="/health says that it is not well")
    return Answer(status=Status.PASS, observed="healthy, and the same tokens")


def _refuses(context: Context, located: LocatedModel) -> Answer:
    content = located.path.read_bytes()
    with tempfile.TemporaryDirectory(prefix="half-a-model-") as folder:
        half = Path(folder) / "half.gguf"
        half.write_bytes(content[: len(content) // 2])
        start = asking.launch(
            context,
            context.candidate,
            half,
            Mode.APP,
            log=context.logs / "candidate-lifecycle-half.log",
            ready_timeout_s=_REFUSAL_S,
        )
        try:
            with start:
                return Answer(status=Status.FAIL, observed="ready with half a model")
        except EngineStartError as problem:
            return judge_refusal(problem)


def judge_refusal(problem: EngineStartError) -> Answer:
    """Judges how an engine ended that was given a broken model."""
    refused = problem.status is not None and problem.status > 0
    return Answer(
        status=Status.PASS if refused else Status.FAIL,
        observed=problem.message,
        detail="" if refused else "\n".join(problem.log),
    )
