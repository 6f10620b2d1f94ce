from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine_ci.bump import foreign, named
from engine_ci.errors import ConfigError, PinError
from engine_ci.pins import store
from engine_ci.pins.model import Commit, Pin
from engine_ci.records.candidate import PublishedAsset, Release
from tests.unit.bump import records
from tests.unit.pins.test_targets import pin

PIN = pin(11194)
SHA = "c" * 64
TAGGED = 'TAG = "(?P<build>b[0-9]+)"'
HASHED = 'SHA = "(?P<sha256_macos_arm64>[0-9a-fA-F]*)"'
ENSURE = 'const TAG = "{tag}";\nconst SHA = "{sha256}";\n'


def app(
    *patterns: str, folder: str = "", pins: tuple[Pin, ...] = (), ensure: str = ""
) -> dict[str, str]:
    """The files of an app, with these patterns as targets in one script."""
    pins = pins or (PIN,)
    names = [f"pins/{number}.yaml" for number in range(len(pins))]
    targets = "".join(f"- file: ensure.ts\n  pattern: '{pattern}'\n" for pattern in patterns)
    config = f"schema: 1\npins: [{', '.join(names)}]\nplatforms: [macos-arm64]\n" + (
        f"targets:\n{targets}" if targets else ""
    )
    texts = dict(zip(names, map(store.dump, pins), strict=True))
    files = {"engine-ci.yaml": config, "ensure.ts": ensure, **texts}
    return {f"{folder}{name}": text for name, text in files.items()}


def read(files: dict[str, str], *, config: str = "engine-ci.yaml") -> named.Named:
    return named.read(config, text=files.get)


def ensuring(tag: str = "b11194", sha256: str = f"{11194:064x}") -> str:
    return ENSURE.format(tag=tag, sha256=sha256)


def test_without_targets_the_engine_is_that_of_the_pin() -> None:
    assert read(app()).engines == {"llama.cpp": PIN}


def test_targets_that_say_what_the_pin_says_name_no_other_engine() -> None:
    files = app(TAGGED, HASHED, ensure=ensuring())

    assert read(files).engines == {"llama.cpp": PIN}


def test_paths_are_from_the_top_of_the_clone() -> None:
    files = app(TAGGED, folder="apps/mac/", ensure=ensuring())

    found = read(files, config="apps/mac/engine-ci.yaml")

    assert list(found.pins) == ["apps/mac/pins/0.yaml"]
    assert [place.path for place in found.places] == ["apps/mac/ensure.ts"]


def test_a_tag_and_a_hash_of_another_bot_are_a_release() -> None:
    files = app(TAGGED, HASHED, ensure=ensuring("b11434", SHA.upper()))

    assert read(files).engines == {
        "llama.cpp": Release(
            version="b11434",
            build=11434,
            assets={
                "macos-arm64": PublishedAsset(
                    name="llama-b11434-bin-macos-arm64.tar.gz", sha256=SHA
                )
            },
        )
    }


def test_a_tag_alone_names_a_build_without_files() -> None:
    (engine,) = read(app(TAGGED, ensure=ensuring("b11434"))).engines.values()

    assert engine == Release(version="b11434", build=11434)


def test_another_hash_of_the_same_tag_is_another_engine() -> None:
    (engine,) = read(app(TAGGED, HASHED, ensure=ensuring(sha256=SHA))).engines.values()

    assert isinstance(engine, Release)
    assert (engine.version, engine.assets["macos-arm64"].sha256) == ("b11194", SHA)


def test_where_there_are_several_pins_they_count_alone() -> None:
    other = PIN.model_copy(update={"name": "other"})
    files = app(TAGGED, pins=(PIN, other), ensure=ensuring("b11434"))

    assert set(map(str, read(files).engines)) == {"llama.cpp", "other"}
    assert read(files).engines["other"] == other


def test_targets_that_contradict_each_other_are_refused() -> None:
    text = 'TAG = "b11434"\nOTHER = "b11435"\n'

    with pytest.raises(ConfigError, match=r"`build` is 'b11435', and 'b11434' in another target"):
        read(app(TAGGED, TAGGED.replace("TAG", "OTHER"), ensure=text))


@pytest.mark.parametrize("missing", ["engine-ci.yaml", "pins/0.yaml", "ensure.ts"])
def test_a_file_that_is_not_there_is_named(missing: str) -> None:
    files = app(TAGGED, ensure=ensuring())
    del files[missing]

    with pytest.raises(ConfigError, match=f"{missing}: there is no such file"):
        read(files)


def test_a_pin_that_cannot_be_read_is_named() -> None:
    with pytest.raises(PinError, match=r"pins/0\.yaml: `version`: missing"):
        read(app() | {"pins/0.yaml": store.dump(PIN).replace("version: b11194\n", "")})


@pytest.mark.parametrize(
    ("found", "said"),
    [
        ({"sha256_macos_arm64": "c" * 63}, f"assets.macos-arm64.sha256 '{'c' * 63}'"),
        ({"sha256_macos_arm64": SHA, "size_macos_arm64": "7 MB"}, "size '7 MB'"),
        ({"sha256_macos_arm64": SHA, "asset_macos_arm64": "../x"}, "name '../x'"),
        ({"build": "bleeding"}, "build 'bleeding'"),
        ({"version": "--help"}, "version '--help'"),
        ({"commit": "abc"}, "commit.id 'abc'"),
    ],
)
def test_what_is_no_release_is_refused_with_what_is_wrong(found: dict[str, str], said: str) -> None:
    with pytest.raises(ConfigError) as told:
        foreign.release(PIN, found)

    assert said in told.value.message


def test_of_a_package_the_build_does_not_tell_the_version() -> None:
    with pytest.raises(ConfigError, match=r"the build 11434, and which version of llama\.cpp"):
        foreign.release(records.pin(build=11194), {"build": "11434"})


def test_of_a_package_the_version_tells_the_name_of_the_file() -> None:
    found = {"version": "0.1.3", "sha256_ubuntu_x64": SHA, "size_ubuntu_x64": "12"}

    release = foreign.release(records.pin(), found | {"commit": "86a2835"})

    assert release.commit == Commit(id="86a2835", abbreviated=True)
    assert release.assets == {
        "ubuntu-x64": PublishedAsset(
            name=records.LINUX.format("0.1.3"),
            size=12,
            sha256=SHA,
            wheel_tags=records.pin().platforms["ubuntu-x64"].wheel_tags,
        )
    }


@given(
    tag=st.from_regex(r"b?[0-9]{1,10}", fullmatch=True) | st.text(max_size=12),
    sha256=st.text(max_size=70),
)
def test_whatever_another_bot_writes_is_a_release_or_refused(tag: str, sha256: str) -> None:
    try:
        release = foreign.release(PIN, {"build": tag, "sha256_macos_arm64": sha256})
    except ConfigError:
        return
    assert release.version == f"b{release.build}"
