from __future__ import annotations

import pytest

from engine_ci.engine import processors
from engine_ci.engine.profiles import Host, Profile, misfits

HASWELL = processors.of_variant("haswell")
HOST = Host(features=HASWELL, memory=2 << 30)


def why_not(
    profile: Profile, host: Host = HOST, *, accelerator: str | None = None, size: int = 24
) -> list[str]:
    return list(misfits(profile, host, accelerator=accelerator, model_size=size))


@pytest.mark.parametrize(
    "profile",
    [
        pytest.param(Profile(name="it"), id="one-file"),
        pytest.param(Profile(name="it", backends=frozenset({"cpu"})), id="one-backend"),
        pytest.param(Profile(name="it", levels={"llama-server": 1}), id="any-processor"),
        pytest.param(
            Profile(name="it", variants=frozenset({"haswell", "zen4"})), id="one-variant-of-two"
        ),
        pytest.param(
            Profile(name="it", variants=frozenset({"nehalem", "zen4"})), id="an-unknown-variant"
        ),
    ],
)
def test_what_can_run_here_or_does_not_tell_fits(profile: Profile) -> None:
    assert why_not(profile) == why_not(profile, accelerator="cpu") == []


def test_a_backend_that_a_bundle_has_not_is_missed_with_those_that_it_has() -> None:
    profile = Profile(name="it", backends=frozenset({"vulkan", "cpu"}))

    assert why_not(profile, accelerator="cuda") == [
        "it: has no backend for cuda, found cpu, vulkan"
    ]
    assert why_not(profile, accelerator="vulkan") == []


def test_an_accelerator_that_the_host_cannot_have_is_missed_with_the_reason() -> None:
    host = Host(memory=1 << 30, lacks={"cuda": "there is no driver"})

    assert why_not(Profile(name="it"), host) == []
    assert why_not(Profile(name="it"), host, accelerator="cuda") == [
        "this host has no cuda: there is no driver"
    ]


@pytest.mark.parametrize(
    ("accelerator", "fits"), [("cpu", False), ("metal", False), ("cuda", True)]
)
def test_what_computes_in_the_hosts_memory_must_have_room_for_the_model(
    accelerator: str, *, fits: bool
) -> None:
    expected = [] if fits else ["the model's file has 3.0 GiB, and this host has 2.0 GiB of memory"]

    assert why_not(Profile(name="it"), accelerator=accelerator, size=3 << 30) == expected
    assert why_not(Profile(name="it"), accelerator=accelerator, size=2 << 30) == []


def test_a_file_for_a_higher_level_of_processors_is_named_with_what_is_missing() -> None:
    host = Host(features=processors.of_level(3) - {"avx2", "fma"}, memory=1 << 30)
    profile = Profile(name="it", levels={"llama-server": 2, "libggml-base.so": 3})

    assert why_not(profile, host) == [
        "it: libggml-base.so needs x86-64-v3, and this processor lacks avx2, fma"
    ]


def test_where_no_variant_can_run_each_is_named_with_what_is_missing() -> None:
    profile = Profile(name="it", variants=frozenset({"zen4", "alderlake", "skylakex"}))

    (reason,) = why_not(profile)
    assert reason == (
        "it: this processor lacks what each CPU variant needs: alderlake avx_vnni; skylakex "
        "avx512bw, avx512cd, avx512dq, avx512f, avx512vl; zen4 avx512_bf16, avx512_vnni, "
        "avx512bw, avx512cd, avx512dq, avx512f, avx512vbmi, avx512vl"
    )


def test_of_a_processor_that_nobody_tells_of_nothing_is_missed() -> None:
    profile = Profile(name="it", levels={"llama-server": 4}, variants=frozenset({"zen4"}))

    assert why_not(profile, Host(memory=1 << 30)) == []
