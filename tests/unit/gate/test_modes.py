from __future__ import annotations

from dataclasses import dataclass, field
from threading import Barrier
from typing import TYPE_CHECKING, Any, cast

import pytest

from engine_ci.engine.client import Client, Completion
from engine_ci.errors import EngineRefusedError
from engine_ci.gate import asking, goldens, modes, zoo
from engine_ci.gate.asking import BEYOND, Mode
from engine_ci.gate.goldens import Case
from engine_ci.gate.modes import CONTEXT, SETTINGS, TAIL, ask
from tests.unit.gate.contexts import context

if TYPE_CHECKING:
    from collections.abc import Sequence

STEPS = tuple(goldens.step([(token, -0.1), (0, -3.0)]) for token in (5, 6))


def case(name: str = "a", *, length: int = 30, stop: str = "limit") -> Case:
    return Case(id=name, prompt=tuple(range(1, length + 1)), stop=stop, steps=STEPS)


@dataclass
class Engine:
    """Stands in for a client: remembers what it was asked, and gives the golden answer.

    Attributes:
        cached: tokens of the prompt that it takes from its cache where it may.
        meets: where so many questions wait for each other.
    """

    cached: int = 0
    meets: Barrier | None = None
    asked: list[dict[str, Any]] = field(default_factory=list)

    def complete(self, prompt: Sequence[int], **options: Any) -> Completion:  # noqa: ANN401 - as they come
        self.asked.append({"prompt": tuple(prompt), **options})
        if self.meets:
            self.meets.wait(10)
        if len(prompt) >= CONTEXT:
            raise EngineRefusedError(
                "no", status=400, kind="exceed_context_size_error", said="too long"
            )
        return Completion(
            tokens=(5, 6),
            text="",
            stop="limit",
            steps=(),
            evaluated=len(prompt) - (self.cached if options.get("cache") else 0),
            truncated=bool(options.get("fills")),
        )

    @property
    def client(self) -> Client:
        return cast("Client", self)


def test_modes_that_start_an_engine_alike_share_the_start() -> None:
    assert modes.starts(Mode) == [
        [Mode.STRICT, Mode.CACHED],
        [Mode.BRIM],
        [Mode.BATCHES],
        [Mode.SLOTS],
        [Mode.FLASH],
        [Mode.APP],
    ]


def test_a_session_starts_an_engine_with_the_settings_of_its_mode(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given = context(models=("stable",))
    started: list[dict[str, Any]] = []
    monkeypatch.setattr(asking, "session", lambda *_, **options: started.append(options))

    modes.session(
        given, given.candidate, suite="drift", located=given.models["stable"], mode=Mode.BATCHES
    )

    (options,) = started
    assert options["settings"] == SETTINGS[Mode.BATCHES]
    assert options["mode"] is Mode.BATCHES


GENERATING = [model for model in zoo.load_catalogue() if model.role in ("stable", "sensitive")]


@pytest.mark.parametrize("model", GENERATING, ids=lambda model: model.name)
def test_every_golden_of_the_zoo_finds_room_in_every_mode(model: zoo.Model) -> None:
    cases = goldens.load(zoo.golden_folder() / f"{model.name}.json").cases

    assert all(len(case.prompt) + len(case.steps) <= CONTEXT for case in cases)


def test_only_the_case_that_ends_with_the_context_fills_it() -> None:
    long = case("long", length=CONTEXT - len(STEPS))
    golden = goldens.Golden(
        schema=1, model="m", sha256="0" * 64, margin_floor=0, cases=(case(), long)
    )

    assert modes.filling(golden) == long
    assert modes.filling(golden.model_copy(update={"cases": (case(),)})) is None


def test_a_plain_question_takes_nothing_from_a_cache_and_has_room_only_to_stop_by_itself() -> None:
    engine = Engine()

    limited, ended = ask(Mode.STRICT, [case("a"), case("b", stop="eos")], engine.client, top=20)

    first, second = engine.asked
    assert (limited.what, ended.what) == ("a", "b")
    assert (first["count"], first["ignore_eos"]) == (2, True)
    assert (second["count"], second["ignore_eos"]) == (2 + BEYOND, False)
    assert (first["top"], first["cache"], first["slot"], first["fills"]) == (20, False, 0, False)


def test_four_questions_at_once_wait_for_no_other_and_keep_their_order() -> None:
    cases = [case(name) for name in "abcdefgh"]
    engine = Engine(meets=Barrier(4))

    found = ask(Mode.SLOTS, cases, engine.client)

    assert [exchange.what for exchange in found] == list("abcdefgh")
    assert {question["slot"] for question in engine.asked} == {-1}


def test_a_prompt_without_its_tail_is_cached_before_all_of_it_is_asked_twice() -> None:
    engine = Engine(cached=30 - TAIL)

    grown, again = ask(Mode.CACHED, [case()], engine.client)

    assert [len(question["prompt"]) for question in engine.asked] == [30 - TAIL, 30, 30]
    assert [question.get("cache", False) for question in engine.asked] == [False, True, True]
    assert (grown.what, again.what) == ("a", "a again")
    assert (grown.amiss, again.amiss) == ((), ())


def test_more_than_the_tail_evaluated_is_amiss_the_first_time_only() -> None:
    grown, again = ask(Mode.CACHED, [case()], Engine(cached=29 - TAIL).client)

    assert grown.amiss == ("a: expected 1 to 8 tokens of the prompt evaluated, found 9",)
    assert again.amiss == ()


def test_at_the_brim_nothing_but_the_end_of_the_context_stops_the_answer() -> None:
    engine = Engine()

    (exchange,) = ask(Mode.BRIM, [case(length=CONTEXT - len(STEPS))], engine.client)

    full, over = engine.asked
    assert exchange.amiss == ()
    assert (full["count"], full["fills"]) == (2 + BEYOND, True)
    assert len(over["prompt"]) == CONTEXT


def test_an_answer_that_leaves_room_and_a_prompt_that_is_not_refused_are_amiss() -> None:
    (exchange,) = ask(Mode.BRIM, [case(length=CONTEXT - len(STEPS) - 1)], Engine().client)

    short, over = exchange.amiss
    assert short == f"expected a context of {CONTEXT} tokens to be full, found {CONTEXT - 1}"
    assert over == "a prompt that is too long: answered with 2 tokens"
