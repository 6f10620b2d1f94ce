from __future__ import annotations

from typing import TYPE_CHECKING, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine_ci.errors import PinError
from engine_ci.pins import store
from engine_ci.pins.model import Asset, Commit, Hold, PackageIndex, Pin, Platform

if TYPE_CHECKING:
    from pathlib import Path

HEX = "0123456789abcdef"
SHIPPED = ["pins/llama.cpp.yaml", "examples/demo/app/pins/llama.cpp.yaml"]
# Values that YAML would read as a number, a date or a truth if they were not quoted.
VERSIONS = st.sampled_from(
    ["0.1.2", "1.0", "2026.9.10809", "2026-09-01", "on", "0x10", "1e5", "12"]
)
COMMITS = st.one_of(
    st.text(HEX, min_size=40, max_size=40).map(lambda digits: Commit(id=digits)),
    st.text(HEX, min_size=7, max_size=39).map(lambda digits: Commit(id=digits, abbreviated=True)),
)
ASSETS = st.builds(
    Asset,
    name=st.just("engine.whl"),
    size=st.integers(1, 2**40),
    sha256=st.text(HEX, min_size=64, max_size=64),
    wheel_tags=st.just(("py3-none-any",)),
)
HOLDS = st.builds(
    Hold,
    version=VERSIONS,
    reason=st.text(st.characters(codec="utf-8"), min_size=1),
    link=st.none() | st.just("https://example.org/1"),
    until=st.none() | st.dates(),
)
PINS = st.builds(
    Pin,
    schema=st.just(1),
    name=st.just("llama.cpp"),
    adapter=st.just("llama-server"),
    source=st.just(PackageIndex(kind="package-index", package="engine")),
    version=VERSIONS,
    build=st.none() | st.integers(1, 10**6),
    rebuild=st.integers(0, 3),
    commit=COMMITS,
    platforms=st.dictionaries(st.sampled_from(get_args(Platform)), ASSETS, min_size=1),
    holds=st.lists(HOLDS, max_size=2).map(tuple),
)


@given(PINS)
def test_a_pin_survives_being_written_and_read_to_the_byte(
    tmp_path_factory: pytest.TempPathFactory, pin: Pin
) -> None:
    path = tmp_path_factory.getbasetemp() / "pin.yaml"
    path.write_text(store.dump(pin), encoding="utf-8")
    loaded = store.load(path)

    assert loaded == pin
    assert store.dump(loaded) == store.dump(pin)


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_pin_loads_and_dumps_as_its_own_bytes(
    request: pytest.FixtureRequest, name: str
) -> None:
    path = request.config.rootpath / name

    assert store.dump(store.load(path)) == path.read_text(encoding="utf-8")


def test_the_shipped_pin_of_llama_cpp_is_b11194_on_three_platforms(
    request: pytest.FixtureRequest,
) -> None:
    pin = store.load(request.config.rootpath / SHIPPED[0])

    assert (pin.version, pin.build) == ("b11194", 11194)
    assert str(pin.commit) == "9f70b2cecd1a9a3f73ac525c47ca22a6ee9a7b69"
    assert {name: asset.size for name, asset in pin.platforms.items()} == {
        "macos-arm64": 11767333,
        "macos-x64": 11250068,
        "ubuntu-x64": 17014362,
    }
    assert all(
        asset.name == f"llama-b11194-bin-{name}.tar.gz" for name, asset in pin.platforms.items()
    )


@pytest.mark.parametrize(
    ("line", "instead", "reason"),
    [
        (r"    sha256: cc5d", "    digest: cc5d", "`platforms.macos-arm64.sha256`: missing"),
        ("build: 11194", "build: 11194\nbuild: 11195", "the key `build` stands twice"),
        ("adapter:", "adaptor:", "`adaptor`: unknown key"),
        ("build: 11194", "build: 11195", "the version b11194 is not that of build 11195"),
    ],
)
def test_a_pin_that_is_not_exact_is_refused_with_file_key_and_reason(
    request: pytest.FixtureRequest, tmp_path: Path, line: str, instead: str, reason: str
) -> None:
    text = (request.config.rootpath / SHIPPED[0]).read_text(encoding="utf-8")
    path = tmp_path / "pin.yaml"
    path.write_text(text.replace(line, instead, 1), encoding="utf-8")
    with pytest.raises(PinError) as caught:
        store.load(path)

    assert str(caught.value).startswith(f"{path}: ")
    assert reason in str(caught.value)
    assert caught.value.exit_code == 2
