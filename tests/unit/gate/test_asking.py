from __future__ import annotations

from contextlib import contextmanager, nullcontext
from dataclasses import replace
from functools import partial
from itertools import repeat
from pathlib import Path
from threading import Event
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from engine_ci.engine import supervisor
from engine_ci.engine.adapters.llama_server import LlamaServer
from engine_ci.engine.process import Stopped
from engine_ci.errors import (
    EngineAnswerError,
    EngineLateError,
    EngineSilentError,
    EngineStartError,
)
from engine_ci.gate import asking
from engine_ci.gate.asking import Mode, session
from engine_ci.gate.checking import Answer, NotAskedError
from engine_ci.gate.context import LocatedModel
from engine_ci.gate.suites import loads
from engine_ci.records.gate import FaultClass, Status
from tests.unit.gate.contexts import context, subject
from tests.unit.gate.test_checking import QUESTION, WRONG

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine_ci.engine.adapters.contract import Command
    from engine_ci.engine.ready_engine import Engine
    from engine_ci.gate.context import Subject


@pytest.mark.parametrize(
    ("ended", "fault_class", "begins"),
    [
        (True, FaultClass.CRASH_RUNTIME, "the engine died of SIGABRT (aborted): no answer"),
        (False, FaultClass.NUMERIC, "no answer"),
    ],
)
def test_an_engine_that_dies_of_a_question_has_crashed_whatever_was_asked(
    monkeypatch: pytest.MonkeyPatch, ended: bool, fault_class: FaultClass, begins: str
) -> None:
    stopped = Stopped(status=None, signal="SIGABRT", killed=False, seconds=0.0)
    engine = SimpleNamespace(
        process=SimpleNamespace(ended=lambda **_: ended),
        stop=lambda: stopped,
        log_tail=lambda: ("last words",),
    )
    monkeypatch.setattr(asking, "launch", lambda *_, **__: nullcontext(engine))
    ours = context(models=("stable",))

    def question(_: Engine) -> Answer:
        raise EngineAnswerError("no answer")

    with session(
        ours, ours.candidate, suite="tokens", located=ours.models["stable"], mode=Mode.APP
    ) as opened:
        check = QUESTION.ask(lambda: opened.answer(question))

    assert (check.status, check.fault_class) == (Status.FAIL, fault_class)
    assert (check.observed, check.detail) == (begins, "last words")


def test_a_baseline_that_does_not_start_has_given_no_answer_to_compare_with() -> None:
    ours = context(models=("stable",), baseline=subject("1.0", tree="b"))

    @contextmanager
    def opened(_: Subject) -> Iterator[asking.Session]:
        def launch() -> Engine:
            raise EngineStartError("it ended with status 1")

        yield asking.Session(launch, refused=lambda: "", hung=lambda: None)

    with pytest.raises(NotAskedError, match="the baseline gave no answer: it ended with status 1"):
        asking.before(ours, opened, lambda _: WRONG)


def test_an_engine_that_keeps_us_waiting_is_waited_for_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    waits = []

    @contextmanager
    def silent(*_: object, **__: object) -> Iterator[None]:
        waits.append("60 s")
        if waits:
            raise EngineSilentError("the engine is not ready")
        yield

    monkeypatch.setattr(asking, "launch", silent)

    _, first, second = loads.run(context(models=("stable", "sensitive")))

    assert (first.status, second.status) == (Status.FAIL, Status.SKIP)
    assert second.observed == "not asked: the candidate was not ready with stable in time"
    assert waits == ["60 s"]


@pytest.mark.parametrize(
    ("flags", "added"),
    [({"--cache-ram"}, ("--cache-ram", "0")), ({"-c"}, ())],
    ids=["that-the-build-has", "that-it-lacks"],
)
def test_an_option_beside_the_apps_own_comes_last_where_the_build_has_it(
    monkeypatch: pytest.MonkeyPatch, flags: set[str], added: tuple[str, ...]
) -> None:
    ours = context(models=("stable",))
    model = ours.models["stable"].path
    monkeypatch.setattr(LlamaServer, "flags", lambda _: frozenset(flags))

    command = ours.candidate.server.app_command(ours.candidate.app_argv, model=model)
    plain, found = (
        asking._with(extra, command, subject=ours.candidate).arguments(2000)
        for extra in ((), ("--cache-ram", "0"))
    )

    assert found == (*plain, *added)


def test_each_engine_is_started_with_the_arguments_that_the_app_has_for_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    started: list[tuple[str, ...]] = []

    def running(command: Command, **_: object) -> None:
        started.append(command.arguments(2000))

    monkeypatch.setattr(supervisor, "running", running)
    ours = context(baseline=subject("B", tree="b"), models=("stable",))
    assert ours.baseline is not None
    before = replace(ours.baseline, app_argv=("-m", "{model}", "--mlock"))

    for one in (ours.candidate, before):
        asking.launch(one, ours.models["stable"].path, Mode.APP, log=ours.logs)

    assert ["--mlock" in arguments for arguments in started] == [False, True]


def test_an_engine_that_hangs_is_asked_nothing_more(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = SimpleNamespace(log_tail=lambda: ("its last line",))
    monkeypatch.setattr(asking, "launch", lambda *_, **__: nullcontext(engine))
    asked = []

    def hangs(_: Engine) -> Answer:
        asked.append("hangs")
        raise EngineLateError("no whole answer within 8.0 s")

    ours = context(models=("stable", "sensitive"))
    written = ours.models["stable"].model.model_copy(update={"name": "echo-for-this-run"})
    checks = []
    for located in (*ours.models.values(), LocatedModel(model=written, path=Path("echo.gguf"))):
        with session(
            ours, ours.candidate, suite="tokens", located=located, mode=Mode.APP
        ) as opened:
            checks += [QUESTION.ask(partial(opened.answer, hangs)) for _ in range(2)]

    assert [check.status for check in checks] == [Status.FAIL, *[Status.SKIP] * 5]
    assert (checks[0].observed, checks[0].detail) == (
        "no whole answer within 8.0 s",
        "its last line",
    )
    assert {check.observed for check in checks[1:]} == {
        "not asked: the candidate has hung with stable"
    }
    assert asked == ["hangs"]


@pytest.fixture
def two_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 2)


@pytest.mark.usefixtures("two_cores")
def test_what_is_worked_out_side_by_side_comes_in_the_order_of_the_items() -> None:
    second_is_done = Event()

    def work(item: int) -> Iterator[str]:
        if item == 1:
            assert second_is_done.wait(10)
        yield f"{item}a"
        yield f"{item}b"
        second_is_done.set()

    assert list(asking.side_by_side(work, [1, 2, 3])) == ["1a", "1b", "2a", "2b", "3a", "3b"]


@pytest.mark.usefixtures("two_cores")
def test_who_is_interrupted_waits_only_for_the_next_result_of_what_has_begun() -> None:
    begun, done = [], []

    def work(item: int) -> Iterator[int]:
        begun.append(item)
        yield from repeat(item, 1 if item == 1 else 10_000_000)
        done.append(item)

    found = asking.side_by_side(work, range(1, 9))
    assert next(found) == 1
    found.close()

    assert done == [1]
    assert set(begun) <= {1, 2, 3}


@pytest.mark.usefixtures("two_cores")
def test_a_bug_in_what_is_worked_out_is_not_hidden() -> None:
    def work(item: int) -> Iterator[int]:
        yield 1 // item

    with pytest.raises(ZeroDivisionError):
        list(asking.side_by_side(work, [1, 0]))
