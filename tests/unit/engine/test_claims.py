from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from engine_ci.engine import processors
from engine_ci.engine.claims import Claim, Decision, Degraded, Granted, Rejected, decide
from engine_ci.engine.profiles import Host, Profile, misfits

if TYPE_CHECKING:
    from collections.abc import Callable

KINDS = ["cpu", "cuda", "metal", "vulkan"]
MODEL = Path("model.gguf")
SIZE = 1 << 30
RANK: dict[type[Decision], int] = {Rejected: 0, Degraded: 1, Granted: 2}

features = st.frozensets(st.sampled_from(sorted(processors.of_level(4))))
lacks = st.dictionaries(st.sampled_from(KINDS), st.just("there is none"))
hosts = st.builds(Host, features=features, memory=st.integers(0, 2 * SIZE), lacks=lacks)
profiles = st.builds(
    Profile,
    name=st.just("it"),
    backends=st.frozensets(st.sampled_from(KINDS)),
    levels=st.dictionaries(st.just("llama-server"), st.integers(0, 4)),
    variants=st.frozensets(st.sampled_from(["x64", "haswell", "skylakex", "unheard-of"])),
)
kinds = st.none() | st.sampled_from(KINDS)
claims = st.builds(Claim, model=st.just(MODEL), accelerator=kinds, fallback=kinds)


def seen(profile: Profile, host: Host) -> Callable[[str | None], tuple[str, ...]]:
    return lambda kind: tuple(misfits(profile, host, accelerator=kind, model_size=SIZE))


@given(claim=claims, profile=profiles, host=hosts, more=hosts)
def test_a_better_host_never_makes_less_of_a_claim(
    claim: Claim, profile: Profile, host: Host, more: Host
) -> None:
    assert host.features is not None
    assert more.features is not None
    better = Host(
        features=host.features | more.features,
        memory=max(host.memory, more.memory),
        lacks={kind: why for kind, why in host.lacks.items() if kind in more.lacks},
    )

    before = decide(claim, against=seen(profile, host))
    after = decide(claim, against=seen(profile, better))

    assert RANK[type(after)] >= RANK[type(before)]


@given(hosts)
def test_a_claim_without_wishes_is_granted_wherever_a_cpu_bundle_is(host: Host) -> None:
    profile = Profile(name="it", backends=frozenset({"cpu"}))

    assert decide(Claim(model=MODEL), against=seen(profile, host)) == Granted()


@given(claim=claims, profile=profiles, host=hosts)
def test_a_fallback_is_one_that_would_be_granted_itself(
    claim: Claim, profile: Profile, host: Host
) -> None:
    decision = decide(claim, against=seen(profile, host))

    if isinstance(decision, Degraded):
        assert decision.reasons
        assert decision.fallback == claim.fallback
        wished = claim.model_copy(update={"accelerator": decision.fallback, "fallback": None})
        assert decide(wished, against=seen(profile, host)) == Granted()


@given(claim=claims, profile=profiles, host=hosts)
def test_what_is_not_granted_has_reasons_and_none_twice(
    claim: Claim, profile: Profile, host: Host
) -> None:
    decision = decide(claim, against=seen(profile, host))

    if not isinstance(decision, Granted):
        assert len(decision.reasons) == len(set(decision.reasons)) > 0


def test_the_fallback_is_not_looked_at_where_it_is_not_needed() -> None:
    asked: list[str | None] = []

    def against(kind: str | None) -> tuple[str, ...]:
        asked.append(kind)
        return ()

    decide(Claim(model=MODEL, accelerator="cuda", fallback="cpu"), against=against)

    assert asked == ["cuda"]


def test_what_is_wrong_with_the_wish_and_with_the_fallback_is_told() -> None:
    claim = Claim(model=MODEL, accelerator="cuda", fallback="cpu")

    decision = decide(claim, against=lambda kind: ("no room", f"no {kind}"))

    assert decision == Rejected(("no room", "no cuda", "no cpu"))


@pytest.mark.parametrize(
    "wish",
    [
        {"min_tokens_per_second": 0},
        {"min_tokens_per_second": "inf"},
        {"context": -1},
        {"accelerator": "--device"},
        {"fallback": ""},
        {"features": ["poetry"]},
        {"colour": "red"},
    ],
)
def test_a_claim_that_makes_no_sense_is_refused(wish: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Claim.model_validate({"model": "model.gguf", **wish})


@pytest.mark.parametrize("field", ["accelerator", "fallback"])
def test_an_accelerator_that_is_none_is_answered_with_some_that_are(field: str) -> None:
    with pytest.raises(ValidationError) as refused:
        Claim.model_validate({"model": "model.gguf", field: "Vulkan"})

    (problem,) = refused.value.errors()
    assert problem["msg"].endswith("such as cpu, cuda, metal or vulkan, found 'Vulkan'")
