from __future__ import annotations

from contextlib import contextmanager, nullcontext
from dataclasses import replace
from functools import partial
from itertools import repeat
from threading import Event
from types import SimpleNamespace
from typing import TYPE_CHECKING, Never

import pytest

from engine_ci.engine import supervisor
from engine_ci.engine.adapters.llama_server import LlamaServer
from engine_ci.engine.process import Stopped
from engine_ci.errors import (
    EngineAnswerError,
    EngineDiedError,
    EngineError,
    EngineLateError,
    EngineSilentError,
    EngineStartError,
    HarnessError,
    PinError,
)
from engine_ci.gate import asking
from engine_ci.gate.asking import Answer, Mode, NotAskedError, Question, listed, session
from engine_ci.gate.suites import loads
from engine_ci.records.gate import FaultClass, Status
from tests.unit.gate.contexts import context, subject

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from engine_ci.engine.supervisor import Engine
    from engine_ci.gate.context import Subject
    from engine_ci.records.gate import Check

QUESTION = Question(
    suite="tokens", name="stable/strict", fault_class=FaultClass.NUMERIC, expected="the tokens"
)
WRONG = Answer(status=Status.FAIL, observed="2 differences", detail="case 3")


def never(*_: object) -> Never:
    pytest.fail("asked in vain")


def check_of(error: Exception) -> Check:
    def judge() -> Answer:
        raise error

    return QUESTION.ask(judge)


def test_an_answer_becomes_a_check_of_its_question() -> None:
    check = QUESTION.ask(lambda: Answer(status=Status.WARN, observed="others", detail="case 3"))

    assert check.id == "tokens/stable/strict"
    assert check.suite == "tokens"
    assert check.status is Status.WARN
    assert check.blocking
    assert check.fault_class is FaultClass.NUMERIC
    assert (check.expected, check.observed, check.detail) == ("the tokens", "others", "case 3")


def test_an_engine_that_does_not_start_for_its_packaging_says_so_whatever_was_asked() -> None:
    log = ("llama-server: error while loading shared libraries: libllama.so.0: file too short",)

    assert check_of(EngineStartError("ended", log=log)).fault_class is FaultClass.PACKAGING
    assert check_of(EngineAnswerError("odd", log=log)).fault_class is FaultClass.NUMERIC


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


def test_an_error_of_the_engine_fails_the_check_and_shows_its_last_lines() -> None:
    check = check_of(EngineStartError("died of SIGABRT", log=("loading", "free(): invalid")))

    assert check.status is Status.FAIL
    assert check.observed == "died of SIGABRT"
    assert check.detail == "loading\nfree(): invalid"


def test_an_error_of_the_harness_says_nothing_about_the_engine() -> None:
    check = check_of(HarnessError("no port is free"))

    assert check.status is Status.ERROR
    assert check.observed == "no port is free"


def test_who_breaks_a_promise_as_the_baseline_does_is_warned_of() -> None:
    check = QUESTION.ask(lambda: WRONG, before=lambda: replace(WRONG, observed="otherwise"))

    assert (check.status, check.detail) == (Status.WARN, "case 3")
    assert check.observed == "2 differences; the baseline does so too"


def test_a_baseline_that_keeps_a_promise_excuses_nobody() -> None:
    right = Answer(status=Status.PASS, observed="the same")

    check = QUESTION.ask(lambda: WRONG, before=lambda: right)

    assert (check.status, check.observed) == (Status.FAIL, "2 differences")


def test_where_the_baseline_cannot_be_asked_who_breaks_a_promise_is_warned_of() -> None:
    ours = context(models=("stable",))

    check = QUESTION.ask(lambda: WRONG, before=lambda: asking.before(ours, never, never))

    assert check.status is Status.WARN
    assert check.observed == (
        "2 differences; whether the baseline does so too was not asked: "
        "there is no baseline that runs"
    )


def test_a_crash_needs_no_baseline_to_be_a_failure() -> None:
    def judge() -> Answer:
        raise EngineDiedError("no answer")

    ours = context(models=("stable",))

    check = QUESTION.ask(judge, before=lambda: asking.before(ours, never, never))

    assert check.status is Status.FAIL


def test_the_baseline_is_not_asked_about_a_promise_that_is_kept() -> None:
    check = QUESTION.ask(lambda: Answer(status=Status.PASS, observed="the same"), before=never)

    assert check.status is Status.PASS


@pytest.mark.parametrize(
    ("candidate", "baseline", "status"),
    [
        (EngineDiedError, EngineDiedError, Status.WARN),
        (EngineDiedError, EngineAnswerError, Status.FAIL),
        (EngineAnswerError, EngineAnswerError, Status.WARN),
        (EngineAnswerError, EngineDiedError, Status.FAIL),
    ],
)
def test_only_what_ends_in_the_same_way_is_no_worse(
    candidate: type[EngineError], baseline: type[EngineError], status: Status
) -> None:
    def judge(error: type[EngineError]) -> Answer:
        raise error("no answer")

    check = QUESTION.ask(partial(judge, candidate), before=partial(judge, baseline))

    assert check.status is status


def test_a_baseline_that_does_not_start_has_given_no_answer_to_compare_with() -> None:
    ours = context(models=("stable",), baseline=subject("1.0", tree="b"))

    @contextmanager
    def opened(_: Subject) -> Iterator[asking.Session]:
        def launch() -> Engine:
            raise EngineStartError("it ended with status 1")

        yield asking.Session(launch, refused=lambda: "", hung=lambda: None)

    with pytest.raises(NotAskedError, match="the baseline gave no answer: it ended with status 1"):
        asking.before(ours, opened, lambda _: WRONG)


def test_a_question_that_makes_no_sense_is_skipped_with_the_reason() -> None:
    check = check_of(NotAskedError("there is no baseline"))

    assert check.status is Status.SKIP
    assert check.observed == "not asked: there is no baseline"


def test_no_other_error_is_turned_into_a_check() -> None:
    with pytest.raises(PinError, match="wrong"):
        check_of(PinError("wrong"))


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

    plain, found = (
        asking._app_arguments(ours.candidate.app_argv, ours.candidate, model, extra, 2000)
        for extra in ((), ("--cache-ram", "0"))
    )

    assert found == (*plain, *added)


def test_each_engine_is_started_with_the_arguments_that_the_app_has_for_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    started: list[tuple[str, ...]] = []

    def running(_: Path, arguments_for: Callable[[int], tuple[str, ...]], **__: object) -> None:
        started.append(arguments_for(2000))

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
    checks = []
    for located in ours.models.values():
        with session(
            ours, ours.candidate, suite="tokens", located=located, mode=Mode.APP
        ) as opened:
            checks += [QUESTION.ask(partial(opened.answer, hangs)) for _ in range(2)]

    assert [check.status for check in checks] == [Status.FAIL, *[Status.SKIP] * 3]
    assert (checks[0].observed, checks[0].detail) == (
        "no whole answer within 8.0 s",
        "its last line",
    )
    assert {check.observed for check in checks[1:]} == {
        "not asked: the candidate has hung with stable"
    }
    assert asked == ["hangs"]


def test_a_few_differences_are_listed_whole() -> None:
    assert listed([]) == ""
    assert listed(["a", "b", "c", "d", "e"]) == "a\nb\nc\nd\ne"


def test_of_many_differences_the_first_are_listed_and_the_rest_counted() -> None:
    assert listed([str(number) for number in range(12)]) == "0\n1\n2\n3\n4\nand 7 more"


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
