"""A full disk, read-only folders, a cache in disorder: the old bundle stays, the cause is told.

What the system is to refuse it refuses to a process of its own, which is no administrator.
"""

from __future__ import annotations

import dataclasses
import json
import os
import resource
import signal
import stat
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from benchmarks import prepare_kills
from engine_ci.artifact import bundle
from engine_ci.artifact.origins import Folder
from engine_ci.errors import EngineCIError, Exit, OutsideError
from tests.unit.artifact import test_mac_bundle
from tests.unit.artifact.wheels import asset, engine, ensured, request, wheel

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from engine_ci.artifact.bundle import Request

    Make = Callable[..., object]

NOBODY = 65534
MAKES = [bundle.prepare, bundle.ensure]


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder that everybody may enter, unlike pytest's."""
    with tempfile.TemporaryDirectory() as text:
        folder = Path(text)
        folder.chmod(0o755)
        yield folder
        for path in folder.rglob("*"):
            path.chmod(path.lstat().st_mode | stat.S_IWUSR)


@pytest.fixture
def requests(place: Path) -> tuple[Request, Request]:
    """The bundle that is there, and another one that is wanted; both wheels are in a mirror."""
    (place / "mirror").mkdir()
    made = []
    for version, tail in (("1.0", bytes(200_000)), ("2.0", os.urandom(200_000))):
        files = engine()
        files["toy_engine/bin/libggml-cpu.so"] += tail
        path = wheel(place / "mirror", files, version=version)
        made.append(
            dataclasses.replace(
                request(place, asset(path)),
                version=version,
                origins=(Folder(place / "mirror"),),
                into=place / "app" / "bundle",
            )
        )
    bundle.ensure(made[0])
    return made[0], made[1]


def told(make: Make, asked: Request, *, first: Callable[[], object]) -> tuple[int, str]:
    """Exit code and message of a process that makes a bundle after `first`."""
    reads, writes = os.pipe()
    process = os.fork()
    if process == 0:
        answer: tuple[int, str] = (Exit.BUG, "")
        try:
            first()
            make(asked)
            answer = (Exit.OK, "")
        except EngineCIError as error:
            answer = (error.exit_code, error.message)
        except BaseException as error:  # noqa: BLE001 - the parent must never run on in its child
            answer = (Exit.BUG, repr(error))
        os.write(writes, json.dumps(answer).encode())
        os._exit(0)
    os.close(writes)
    os.waitpid(process, 0)
    with os.fdopen(reads, "rb") as stream:
        status, message = json.load(stream)
    return status, message


def as_nobody() -> None:
    if os.geteuid() == 0:
        os.setuid(NOBODY)


def files_up_to(size: int) -> Callable[[], None]:
    """The system refuses to write more into any one file, as a full disk does."""

    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

    return limit


def nothing() -> None:
    """Nothing is refused."""


def read_only(folder: Path) -> None:
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o555 if path.is_dir() else 0o444)


@pytest.mark.parametrize("make", MAKES)
@pytest.mark.parametrize(
    ("size", "cached", "named"),
    [
        (100, False, ".partial"),
        (100_000, False, ".partial"),
        (100, True, ".bundle.work/unpacked/toy_engine/bin/"),
        (100_000, True, ".bundle.work/unpacked/toy_engine/bin/libggml-cpu.so"),
    ],
)
def test_a_disk_that_fills_up_is_named_and_the_old_bundle_stays(
    requests: tuple[Request, Request], make: Make, size: int, named: str, *, cached: bool
) -> None:
    old, new = requests
    if cached:
        bundle.ensure(new)
        bundle.ensure(old)

    status, message = told(make, new, first=files_up_to(size))

    assert status == Exit.OUTSIDE
    assert named in message
    assert "File too large" in message
    assert prepare_kills.found(old, new) == "old"
    assert prepare_kills.beside(new) == prepare_kills.BESIDE
    prepare_kills.healed(old, new)


def test_a_disk_that_is_full_when_the_bundle_is_sealed_costs_the_seal_alone(
    requests: tuple[Request, Request], monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new = requests
    whole = Path.write_text

    def full(path: Path, *arguments: str, **options: str) -> int:
        if path.name.endswith(".seal.new"):
            path.touch()
            raise OSError(28, "No space left on device")
        return whole(path, *arguments, **options)

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(OutsideError, match=r"app/bundle: No space left on device"):
        bundle.ensure(new)
    monkeypatch.undo()

    assert prepare_kills.found(old, new) == "new"
    prepare_kills.healed(old, new)


@pytest.mark.parametrize("make", MAKES)
@pytest.mark.parametrize(
    ("where", "named"), [("app", "app/.bundle.lock"), ("cache", "cache/sha256/")]
)
def test_a_read_only_folder_is_named_and_the_old_bundle_stays(
    requests: tuple[Request, Request], place: Path, make: Make, where: str, named: str
) -> None:
    old, new = requests
    for path in place.rglob("*"):
        path.chmod(0o777)
    read_only(place / where)

    status, message = told(make, new, first=as_nobody)

    assert status == Exit.OUTSIDE
    assert f"{place}/{named}" in message
    assert "Permission denied" in message
    assert prepare_kills.found(old, new) == "old"


def test_what_is_sealed_is_there_at_once_in_a_read_only_folder_too(
    requests: tuple[Request, Request], place: Path
) -> None:
    old, _ = requests
    place.chmod(0o555)
    read_only(place / "app")
    # Other rights break the seal: it is sealed anew, by who may.
    bundle.ensure(old)

    assert told(bundle.ensure, old, first=as_nobody) == (Exit.OK, "")


@pytest.mark.parametrize("make", MAKES)
@pytest.mark.parametrize("which", ["bundle", "cache"])
def test_a_lock_that_cannot_be_taken_is_named(
    requests: tuple[Request, Request], make: Make, which: str
) -> None:
    old, new = requests
    sha256 = new.assets["ubuntu-x64"].sha256
    lock = {
        "bundle": new.into.with_name(".bundle.lock"),
        "cache": new.cache / "sha256" / sha256[:2] / f"{sha256}.lock",
    }[which]
    lock.unlink(missing_ok=True)
    lock.mkdir(parents=True)

    status, message = told(make, new, first=nothing)

    assert (status, str(lock) in message) == (Exit.OUTSIDE, True)
    assert prepare_kills.found(old, new) == "old"


def entry(asked: Request) -> Path:
    sha256 = asked.assets["ubuntu-x64"].sha256
    return asked.cache / "sha256" / sha256[:2] / sha256


def a_flipped_bit(place: Path) -> None:
    content = bytearray(place.read_bytes())
    content[len(content) // 2] ^= 1
    place.write_bytes(content)


def a_folder(place: Path) -> None:
    place.unlink()
    (place / "inside").mkdir(parents=True)


def a_link_to(what: str) -> Callable[[Path], None]:
    def replace(place: Path) -> None:
        place.unlink()
        place.symlink_to(what)

    return replace


@pytest.mark.parametrize("make", MAKES)
@pytest.mark.parametrize(
    "harm",
    [
        a_flipped_bit,
        lambda place: place.write_bytes(b""),
        Path.unlink,
        a_folder,
        a_link_to("/nowhere"),
        a_link_to("/"),
        a_link_to("/dev/null"),
        lambda place: place.with_name(f"{place.name}.partial").mkdir(),
    ],
    ids=["bit", "empty", "gone", "folder", "broken", "to a folder", "to a device", "partial"],
)
def test_a_cache_in_disorder_is_put_in_order(
    requests: tuple[Request, Request], make: Make, harm: Callable[[Path], object]
) -> None:
    old, new = requests
    bundle.prepare(new)
    bundle.prepare(old)
    harm(entry(new))

    make(new)

    assert prepare_kills.found(old, new) == "new"
    assert entry(new).is_file()
    assert not entry(new).is_symlink()
    prepare_kills.healed(old, new)


@pytest.mark.parametrize("make", MAKES)
def test_a_disk_that_is_full_when_images_are_signed_is_named(place: Path, make: Make) -> None:
    (place / "mirror").mkdir()
    asked = test_mac_bundle.request(place, test_mac_bundle.archive(place / "mirror"))
    old = ensured(asked)

    def full_from_then_on(phase: str) -> None:
        if phase == "install":
            files_up_to(100)()

    status, message = told(
        lambda other: make(other, phase=full_from_then_on),
        dataclasses.replace(asked, keep=("LICENSE", "x")),
        first=nothing,
    )

    assert status == Exit.OUTSIDE
    assert f"{asked.into.with_name('.bundle.work')}/bundle/libggml-base.0.dylib: " in message
    assert "File too large" in message
    assert ensured(asked) == old
    assert prepare_kills.beside(asked) - {"mirror"} == prepare_kills.BESIDE


def test_nothing_is_lost_when_runs_are_killed(requests: tuple[Request, Request]) -> None:
    outcomes = prepare_kills.killed(requests, kills=15, seed=7)

    assert outcomes["killed"] == 15
