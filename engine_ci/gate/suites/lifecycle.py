"""Does the candidate start as well as the baseline, bear much traffic, and end when it should?"""

from __future__ import annotations

import tempfile
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from engine_ci.engine import listening
from engine_ci.errors import EngineStartError
from engine_ci.gate import asking, checking, ending, fallback, starting, traffic
from engine_ci.gate.asking import Mode, session
from engine_ci.gate.checking import Answer, Question
from engine_ci.records.gate import FaultClass, Status
from engine_ci.system.http import port_is_free

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from engine_ci.engine.ready_engine import Engine
    from engine_ci.gate.context import Context, LocatedModel
    from engine_ci.gate.goldens import Case
    from engine_ci.records.gate import Check

SUITE = "lifecycle"

_GRACE_S: Final = 5.0
_REFUSAL_S: Final = 10.0
# Long enough that the engine is still at it when the client leaves after the first token.
_LONG: Final = 2000

_STOPS: Final = Question(
    suite=SUITE,
    name="stops",
    fault_class=FaultClass.EXIT,
    expected=f"ends with status 0 within {_GRACE_S:.0f} s of SIGTERM, or while it computes",
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
_STAYS_HERE: Final = Question(
    suite=SUITE,
    name="stays-here",
    fault_class=FaultClass.CLI,
    expected="no socket but of this machine's own addresses",
)
_CLIENT_LEAVES: Final = Question(
    suite=SUITE,
    name="client-leaves",
    fault_class=FaultClass.CRASH_RUNTIME,
    expected="healthy and right after a client left in mid-stream",
)
_REQUESTS: Final = Question(
    suite=SUITE,
    name="requests",
    fault_class=FaultClass.CRASH_RUNTIME,
    expected=f"{traffic.REQUESTS} requests without harm, the first and the last answer right",
)
_BACKENDS: Final = Question(
    suite=SUITE,
    name="backends",
    fault_class=FaultClass.FALLBACK,
    expected="no backend and no layer on a GPU less than the baseline",
)
_START_TIME: Final = Question(
    suite=SUITE,
    name="start-time",
    fault_class=FaultClass.LOAD_TIME,
    expected="not each start twice as long as the baseline's, in CPU time too",
)
_REFUSES: Final = Question(
    suite=SUITE,
    name="refuses-half-a-model",
    fault_class=FaultClass.FALSE_READY,
    expected="ends with a status other than 0",
)


def run(context: Context) -> Iterator[Check]:
    """Nine checks with the first stable model and the app's own flags."""
    for located in asking.models(context, "stable")[:1]:
        yield from _starts(context, located)
        yield from _traffic(context, located)
        yield from _end_and_start_again(context, located)
        yield _REFUSES.ask(partial(_refuses, context, located))


def _starts(context: Context, located: LocatedModel) -> Iterator[Check]:
    pairs = cache(lambda: starting.pairs(context, located))
    yield _START_TIME.ask(lambda: starting.judge(pairs()))
    yield _BACKENDS.ask(lambda: _same_backends(pairs()))


def _same_backends(pairs: Sequence[starting.Pair]) -> Answer:
    return fallback.judge(pairs[0].candidate.backends, pairs[0].baseline.backends)


def _traffic(context: Context, located: LocatedModel) -> Iterator[Check]:
    case = asking.golden(context, located).cases[0]
    opening = partial(session, context, suite=SUITE, located=located, mode=Mode.APP)
    with opening(context.candidate) as opened:
        yield _STAYS_HERE.ask(
            lambda: opened.answer(_stays_here),
            before=lambda: asking.before(context, opening, _stays_here),
        )
        yield _CLIENT_LEAVES.ask(lambda: opened.answer(partial(_leave_and_ask, case)))
        yield _REQUESTS.ask(lambda: opened.answer(partial(_many_requests, case)))


def _stays_here(engine: Engine) -> Answer:
    if found := listening.strangers(engine.pid):
        return Answer(status=Status.FAIL, observed=f"it {', and '.join(found)}")
    return Answer(status=Status.PASS, observed="no other")


def _many_requests(case: Case, engine: Engine) -> Answer:
    if found := list(traffic.differences(engine.client, case)):
        return Answer(status=Status.FAIL, observed=found[0], detail=checking.listed(found))
    return Answer(status=Status.PASS, observed="all answered, and the same tokens")


def _end_and_start_again(context: Context, located: LocatedModel) -> Iterator[Check]:
    with session(
        context,
        context.candidate,
        suite=SUITE,
        located=located,
        mode=Mode.APP,
        grace_s=_GRACE_S,
    ) as opened:
        end = cache(lambda: opened.answer(ending.end))
        yield _STOPS.ask(lambda: ending.judge_end(end().stopped))
        yield _LEAVES_NOTHING.ask(lambda: ending.judge_remains(end().alive))
        yield _STARTS_AGAIN.ask(lambda: _start_again(context, located, port=end().port))


def _start_again(context: Context, located: LocatedModel, *, port: int) -> Answer:
    if not port_is_free(port):
        return Answer(status=Status.FAIL, observed=f"port {port} is still taken")
    log = context.logs / "candidate-lifecycle-again.log"
    start = asking.launch(context.candidate, located.path, Mode.APP, log=log, port=port)
    with start as engine:
        return Answer(
            status=Status.PASS, observed=f"ready on port {port} in {engine.started_s:.2f} s"
        )


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
        fault_class=FaultClass.EXIT if problem.status == 0 else None,
    )
