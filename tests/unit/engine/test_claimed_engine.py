"""A claim, candidates that are nothing but what a test makes of them, and what is told."""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest

from engine_ci.engine import claimed_engine, spawn_gate
from engine_ci.engine.claimed_engine import Candidate, ClaimedEngine
from engine_ci.engine.claims import Claim
from engine_ci.engine.events import Channel, ClaimAcquired, ClaimRejected, FallbackEngaged
from engine_ci.engine.process import Stopped
from engine_ci.engine.profiles import Host, Profile
from engine_ci.engine.runtime import Runtime
from engine_ci.errors import ClaimError, EngineStartError, IllegalInstructionError
from tests.unit.engine.launches import NOON, changes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from engine_ci.engine.adapters.kinds import Server
    from engine_ci.engine.client import Client
    from engine_ci.engine.events import Event
    from engine_ci.engine.launch import Launch
    from engine_ci.engine.ready_engine import Engine

HOST = Host(memory=1 << 30, lacks={"cuda": "no driver"})
BOTH = Profile(name="it", backends=frozenset({"cpu", "vulkan"}))
CRASHED = Stopped(status=None, signal="SIGSEGV", killed=False, seconds=0.0)
NO_LOG = Path(os.devnull)
ONLY_CPU = Profile(name="cpu", backends=frozenset({"cpu", "rpc"}))


@dataclass
class FakeServer:
    """A server of which only what it says before a start is looked at."""

    program: Path
    lacks: dict[str, str] = field(default_factory=dict)
    asked: list[dict[str, object]] = field(default_factory=list)

    def refusal(self, model: Path) -> str | None:
        return spawn_gate.refusal(self.program, model)

    def supports(self, _: Path, *, accelerator: str, **wishes: object) -> tuple[str, ...]:
        self.asked.append({"accelerator": accelerator, **wishes})
        why = self.lacks.get(accelerator)
        if why == "mute":
            raise EngineStartError("it cannot say")
        return (why,) if why else ()


class FakeStart:
    """A start that is ready at once, or says that it `hangs` until it is ended."""

    def __init__(
        self,
        server: Server,
        more: tuple[str, ...],
        *,
        hangs: threading.Event | None,
        illegal: str,
        dies: bool,
    ) -> None:
        self.what = (server.program.parent.name, more)
        self.inside = False
        self.ended: list[bool] = []
        self._hangs = hangs
        self._illegal = illegal == self.what[0]
        self._dies = dies
        self.over = threading.Event()

    def __enter__(self) -> Engine:
        if self._illegal:
            raise IllegalInstructionError("died of SIGILL")
        self.inside = True
        if self._hangs:
            self._hangs.set()
            assert self.over.wait(20)
            raise EngineStartError("was ended")
        process = SimpleNamespace(ended=lambda **_: self._dies, stop=lambda **_: CRASHED)
        return cast(
            "Engine",
            SimpleNamespace(
                process=process, port=0, log=NO_LOG, client=self, address="there", outlive=self.wait
            ),
        )

    def __exit__(self, *_: object) -> None:
        self.inside = False

    def wait(self) -> Exception:
        assert self.over.wait(20)
        return EngineStartError("was ended")

    def end(self, *, at_once: bool) -> None:
        self.ended.append(at_once)
        self.over.set()


class Scene:
    """A claim of `model`, and all that becomes of it."""

    def __init__(self, folder: Path, model: Path) -> None:
        self._folder = folder
        self.model = model
        self.candidates: list[Candidate] = []
        self.starts: list[FakeStart] = []
        self.short: dict[tuple[str, tuple[str, ...]], tuple[str, ...]] = {}
        self.hangs: threading.Event | None = None
        self.illegal = ""
        self.dies = False
        self.channel = Channel()
        self._listener = self.channel.listen()

    def offer(self, profile: Profile, **lacks: str) -> FakeServer:
        program = self._folder / profile.name / "llama-server"
        program.parent.mkdir()
        program.write_text("#!/bin/sh")
        program.chmod(0o755)
        server = FakeServer(program, lacks)
        self.candidates.append(Candidate(server=cast("Server", server), profile=profile))
        return server

    def claim(self, **wishes: object) -> ClaimedEngine:
        return ClaimedEngine(
            Claim.model_validate({"model": self.model, **wishes}),
            candidates=self.candidates,
            host=HOST,
            launch=self._launch,
            name="it",
            events=self.channel,
            now=lambda: NOON,
        )

    def _launch(self, server: Server, more: tuple[str, ...]) -> Launch[Engine]:
        self.starts.append(
            FakeStart(server, more, hangs=self.hangs, illegal=self.illegal, dies=self.dies)
        )
        return self.starts[-1]

    def shortfalls(self, _: Claim, client: Client) -> tuple[str, ...]:
        return self.short.get(cast("FakeStart", client).what, ())

    def told(self) -> list[Event]:
        self.channel.close()
        return list(self._listener)


@pytest.fixture
def scene(tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch) -> Scene:
    made = Scene(tmp_path, model)
    monkeypatch.setattr(claimed_engine, "shortfalls", made.shortfalls)
    return made


def test_a_claim_without_wishes_is_granted_and_the_program_is_not_asked(scene: Scene) -> None:
    server = scene.offer(ONLY_CPU)
    claim = scene.claim()

    assert claim.refusal() is None
    with claim.launch():
        assert [start.what for start in scene.starts] == [("cpu", ())]
        assert scene.starts[0].inside

    assert not scene.starts[0].inside
    assert server.asked == []
    assert scene.told() == [ClaimAcquired(engine="it", at=NOON, bundle="cpu")]


def test_the_first_bundle_that_will_do_serves(scene: Scene) -> None:
    scene.offer(ONLY_CPU)
    scene.offer(BOTH)
    claim = scene.claim(accelerator="vulkan")

    assert claim.refusal() is None
    with claim.launch():
        assert [start.what for start in scene.starts] == [("it", ())]

    (told,) = scene.told()
    assert isinstance(told, ClaimAcquired)
    assert told.bundle == "it"
    assert told.others == ("cpu: has no backend for vulkan, found cpu, rpc",)


def test_what_no_bundle_can_be_is_rejected_with_the_reasons_of_all(scene: Scene) -> None:
    scene.offer(ONLY_CPU)
    scene.offer(BOTH, vulkan="no device")
    reasons = ("cpu: has no backend for vulkan, found cpu, rpc", "it: no device")

    assert scene.claim(accelerator="vulkan").refusal() == "; ".join(reasons)
    assert scene.told() == [ClaimRejected(engine="it", at=NOON, reasons=reasons)]


def test_the_program_is_asked_for_what_is_wished(scene: Scene) -> None:
    server = scene.offer(ONLY_CPU)

    scene.claim(context=512, features=["slots"]).refusal()

    assert server.asked == [
        {"context": 512, "features": frozenset({"slots"}), "accelerator": "cpu"}
    ]


def test_a_program_that_cannot_say_will_not_do(scene: Scene) -> None:
    scene.offer(BOTH, vulkan="mute")

    assert scene.claim(accelerator="vulkan").refusal() == "it: it cannot say"


def test_a_model_that_is_none_is_the_only_reason(scene: Scene) -> None:
    scene.offer(BOTH)
    scene.model.unlink()

    reason = scene.claim(accelerator="cuda").refusal()

    assert reason == f"{scene.model}: not readable: No such file or directory"


def test_the_fallback_is_engaged_and_kept_off_other_devices(scene: Scene) -> None:
    scene.offer(BOTH)
    claim = scene.claim(accelerator="cuda", fallback="cpu")

    assert claim.refusal() is None
    with claim.launch():
        assert [start.what for start in scene.starts] == [("it", ("--device", "none"))]

    (told,) = scene.told()
    assert isinstance(told, FallbackEngaged)
    assert told.fallback == "cpu"
    assert told.reasons == (
        *("it: has no backend for cuda, found cpu, vulkan", "this host has no cuda: no driver"),
    )


def test_a_bundle_with_nothing_but_a_cpu_needs_not_be_kept_on_it(scene: Scene) -> None:
    scene.offer(ONLY_CPU)
    claim = scene.claim(accelerator="cpu")

    assert claim.refusal() is None
    assert cast("FakeStart", claim.start()).what == ("cpu", ())


def test_an_engine_that_falls_short_is_ended_and_the_fallback_serves(scene: Scene) -> None:
    scene.offer(BOTH)
    scene.short["it", ()] = ("speed: too slow",)
    claim = scene.claim(accelerator="vulkan", fallback="cpu", min_tokens_per_second=9)

    assert claim.refusal() is None
    with claim.launch():
        slow, other = scene.starts
        assert (slow.inside, other.inside) == (False, True)
        assert other.what == ("it", ("--device", "none"))

    assert scene.told() == [
        FallbackEngaged(engine="it", at=NOON, fallback="cpu", reasons=("it: speed: too slow",))
    ]


def test_an_engine_that_falls_short_is_followed_by_the_next_bundle(scene: Scene) -> None:
    scene.offer(ONLY_CPU)
    scene.offer(BOTH)
    scene.short["cpu", ()] = ("speed: too slow",)
    claim = scene.claim()

    assert claim.refusal() is None
    with claim.launch():
        assert [start.what for start in scene.starts] == [("cpu", ()), ("it", ())]

    assert scene.told() == [
        ClaimAcquired(engine="it", at=NOON, bundle="it", others=("cpu: speed: too slow",))
    ]


def test_a_build_that_this_host_cannot_run_is_not_started_again(scene: Scene) -> None:
    scene.offer(ONLY_CPU)
    scene.offer(BOTH)
    scene.illegal = "cpu"
    claim = scene.claim()

    for _ in range(2):
        assert claim.refusal() is None
        with claim.launch():
            pass

    assert [start.what[0] for start in scene.starts] == ["cpu", "it", "it"]
    assert scene.told() == [
        ClaimAcquired(engine="it", at=NOON, bundle="it", others=("cpu: died of SIGILL",))
    ]


def test_an_engine_that_dies_of_a_question_has_failed_and_not_fallen_short(scene: Scene) -> None:
    scene.offer(BOTH)
    scene.short["it", ()] = ("tools: the connection broke",)
    scene.dies = True
    claim = scene.claim(features=["tools"])
    assert claim.refusal() is None

    with pytest.raises(EngineStartError, match="the engine died of SIGSEGV"), claim.launch():
        pytest.fail("it became ready")

    assert claim.refusal() is None
    assert scene.told() == []


def test_where_all_fall_short_the_claim_is_rejected_with_every_figure(scene: Scene) -> None:
    scene.offer(BOTH)
    scene.short["it", ()] = ("3 tokens",)
    scene.short["it", ("--device", "none")] = ("2 tokens",)
    claim = scene.claim(accelerator="vulkan", fallback="cpu")
    assert claim.refusal() is None

    with pytest.raises(ClaimError, match="it: 3 tokens; it: 2 tokens"), claim.launch():
        pytest.fail("it became ready")

    assert not any(start.inside for start in scene.starts)
    assert [event.kind.rpartition(".")[2] for event in scene.told()] == ["engaged", "rejected"]


def test_what_an_engine_has_once_shown_is_not_asked_of_the_next(scene: Scene) -> None:
    scene.offer(BOTH)
    claim = scene.claim(accelerator="vulkan")
    for _ in range(2):
        assert claim.refusal() is None
        with claim.launch():
            scene.short["it", ()] = ("speed: too slow",)

    assert len(scene.starts) == 2
    assert scene.told() == [ClaimAcquired(engine="it", at=NOON, bundle="it")]


def test_what_goes_wrong_between_two_starts_is_told(scene: Scene) -> None:
    server = scene.offer(BOTH)
    claim = scene.claim()
    assert claim.refusal() is None
    with claim.launch():
        server.program.unlink()

    for _ in range(2):
        assert claim.refusal() == f"{server.program}: there is no such program"

    assert [type(event) for event in scene.told()] == [ClaimAcquired, ClaimRejected]


def test_a_launch_that_is_ended_before_it_begins_starts_nothing(scene: Scene) -> None:
    scene.offer(BOTH)
    claim = scene.claim()
    claim.refusal()
    launch = claim.launch()
    launch.end(at_once=False)

    with pytest.raises(EngineStartError, match="stopped before it was started"), launch:
        pytest.fail("it became ready")

    assert scene.starts == []


@pytest.fixture
def runtime(scene: Scene) -> Iterator[Callable[[ClaimedEngine], Runtime[Engine]]]:
    """A runtime of a claim, on the same channel."""
    made: list[Runtime[Engine]] = []

    def run(claim: ClaimedEngine) -> Runtime[Engine]:
        made.append(
            Runtime(
                claim.launch,
                name="it",
                may_spawn=claim.refusal,
                events=scene.channel,
                now=lambda: NOON,
            )
        )
        return made[-1]

    yield run
    for each in made:
        each.close()


def test_a_stop_ends_a_launch_that_is_on_its_way(
    scene: Scene, runtime: Callable[[ClaimedEngine], Runtime[Engine]]
) -> None:
    scene.offer(BOTH)
    scene.hangs = threading.Event()
    running = runtime(scene.claim())
    running.start()
    assert scene.hangs.wait(20)

    running.stop(at_once=True)

    assert scene.starts[0].ended == [True]


def test_a_rejected_claim_spawns_nothing(
    scene: Scene, runtime: Callable[[ClaimedEngine], Runtime[Engine]]
) -> None:
    scene.offer(BOTH)
    running = runtime(scene.claim(accelerator="cuda"))
    running.start()
    running.wait()

    assert running.state.name == "not_spawning"
    assert scene.starts == []


def test_events_come_in_order_and_an_engine_is_ready_when_its_claim_is_met(
    scene: Scene, runtime: Callable[[ClaimedEngine], Runtime[Engine]]
) -> None:
    scene.offer(BOTH)
    scene.short["it", ()] = ("speed: too slow",)
    running = runtime(scene.claim(accelerator="vulkan", fallback="cpu"))
    running.start()
    running.ready()
    running.close()

    told = scene.told()
    assert [event.kind.partition(".")[2] for event in told] == [
        *("state.changed", "fallback.engaged", "state.changed", "state.changed", "state.changed")
    ]
    assert changes(told) == ["starting", "ready", "stopping", "stopped"]


def test_a_claim_that_falls_short_costs_no_restart(
    scene: Scene, runtime: Callable[[ClaimedEngine], Runtime[Engine]]
) -> None:
    scene.offer(BOTH)
    scene.short["it", ()] = ("speed: too slow",)
    running = runtime(scene.claim())
    running.start()
    running.wait()
    running.close()

    told = scene.told()
    assert [event.kind.partition(".")[2] for event in told] == [
        *("state.changed", "claim.rejected", "state.changed")
    ]
    assert changes(told) == ["starting", "not_spawning"]
