"""Files of repositories, over real HTTP on loopback."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, NoReturn

import pytest
from pydantic import ValidationError

from engine_ci.errors import DownloadError, Exit, UsageError, VerificationError
from engine_ci.gate import model_files, repository, setup, zoo
from engine_ci.gate.zoo import Model
from engine_ci.records.gate import FaultClass, Status
from tests.unit.shelf import Shelf, says

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

GGUF = b"GGUF" + bytes(1000)
REVISION = "0123456789abcdef0123456789abcdef01234567"
FILE = f"q4/m.gguf of some-one/m.1 at {REVISION}"


@pytest.fixture
def shelf() -> Iterator[Shelf]:
    with Shelf() as served:
        served.content = GGUF
        yield served


def source(**changes: str) -> dict[str, str]:
    whole = {"kind": "repository", "repository": "some-one/m.1"}
    return {**whole, "revision": REVISION, "file": "q4/m.gguf", **changes}


def model(content: bytes = GGUF, **changes: Any) -> Model:  # noqa: ANN401 - fields of a Model
    values = {"name": "mine", "size": len(content), "source": source()}
    values["sha256"] = hashlib.sha256(content).hexdigest()
    return Model.model_validate({**values, **changes})


def never(wheel: zoo.WheelMember) -> NoReturn:
    pytest.fail(f"{wheel.file} was asked for")


def locate(shelf: Shelf, cache: Path, found: Model | None = None) -> Path:
    return model_files.locate(found or model(), cache=cache, fetch=never, address=shelf.url)


def test_a_model_of_which_nothing_else_is_said_is_a_real_one() -> None:
    assert (model().role, model().architecture, model().expects) == ("real", "unknown", None)


def test_a_file_is_fetched_at_its_commit_once(shelf: Shelf, tmp_path: Path) -> None:
    path = locate(shelf, tmp_path)

    assert path.read_bytes() == GGUF
    assert model().sha256 in path.parts
    assert locate(shelf, tmp_path) == path
    assert [asked for asked, _ in shelf.asked] == [
        f"/some-one/m.1/resolve/{REVISION}/q4/m.gguf",
    ]


def test_what_is_in_the_cache_needs_no_address(shelf: Shelf, tmp_path: Path) -> None:
    path = locate(shelf, tmp_path)

    assert model_files.locate(model(), cache=tmp_path, fetch=never) == path


def test_what_was_damaged_in_the_cache_is_fetched_again(shelf: Shelf, tmp_path: Path) -> None:
    locate(shelf, tmp_path).write_bytes(GGUF[:-1] + b"x")

    assert locate(shelf, tmp_path).read_bytes() == GGUF
    assert len(shelf.asked) == 2


def test_runs_that_want_a_file_at_the_same_time_fetch_it_once(shelf: Shelf, tmp_path: Path) -> None:
    with ThreadPoolExecutor(4) as pool:
        asking = [pool.submit(locate, shelf, tmp_path) for _ in range(4)]

    assert [answer.result().read_bytes() for answer in asking] == [GGUF] * 4
    assert len(shelf.asked) == 1


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (GGUF[:-1] + b"x", "expected sha256 .*, found"),
        (GGUF[:-1], "expected 1004 bytes, found 1003"),
        (b"<!doctype html>" + GGUF[15:], "not a GGUF file"),
        (GGUF + b"x", "expected 1004 bytes, found more"),
    ],
)
def test_other_bytes_are_refused_and_leave_nothing_behind(
    shelf: Shelf, tmp_path: Path, content: bytes, reason: str
) -> None:
    shelf.content = content
    shelf.replies += [says(200, content)] * (len(content) < len(GGUF))

    with pytest.raises(VerificationError, match=reason) as caught:
        locate(shelf, tmp_path)

    assert FILE in str(caught.value)
    assert [path for path in tmp_path.rglob("*") if path.is_file() and path.suffix != ".lock"] == []


@pytest.mark.parametrize(
    ("status", "hint"),
    [
        (401, "no token is ever sent"),
        (403, "no token is ever sent"),
        (404, "compare repository, revision and file"),
        (429, "run again later, or serve the file from a mirror of yours"),
        (503, "run again later, or look whether ENGINE_CI_MODELS_URL is right"),
    ],
)
def test_a_failure_names_the_file_the_status_and_what_to_do(
    shelf: Shelf, tmp_path: Path, status: int, hint: str
) -> None:
    shelf.replies += [says(status, Retry_After="0")] * 6

    with pytest.raises(DownloadError) as caught:
        locate(shelf, tmp_path)

    assert str(caught.value).startswith(f"{FILE}: status {status}")
    assert hint in (caught.value.hint or "")
    assert caught.value.exit_code == Exit.OUTSIDE
    assert shelf.url not in str(caught.value)


@pytest.mark.parametrize("address", [None, ""])
def test_without_an_address_the_user_is_told_what_to_set(
    tmp_path: Path, address: str | None
) -> None:
    with pytest.raises(UsageError, match=f"{FILE} cannot be fetched") as caught:
        model_files.locate(model(), cache=tmp_path, fetch=never, address=address)

    assert repository.ADDRESS in (caught.value.hint or "")


@pytest.mark.parametrize(
    "changes",
    [
        {"repository": "m"},
        {"repository": "../m"},
        {"repository": "a/.."},
        {"repository": "a/b/c"},
        {"repository": "https://a/b"},
        {"revision": "main"},
        {"revision": REVISION[:39]},
        {"revision": REVISION.upper()},
        {"file": "../m.gguf"},
        {"file": "/m.gguf"},
        {"file": ""},
        {"url": "https://models.example"},
    ],
    ids=str,
)
def test_a_source_that_is_not_exact_is_refused(changes: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        model(source=source(**changes))


def test_a_file_that_could_not_be_had_becomes_a_check_and_the_others_are_there(
    shelf: Shelf, tmp_path: Path
) -> None:
    other = model(name="other")
    shelf.replies += [says(429, Retry_After="0")] * 6

    found, (missing,) = setup.located(
        [model(), other], cache=tmp_path, fetch=never, address=shelf.url
    )

    assert list(found) == ["other"]
    assert (missing.id, missing.suite, missing.status) == (
        "setup/models/mine",
        "setup",
        Status.ERROR,
    )
    assert missing.fault_class is FaultClass.HARNESS
    assert missing.observed == f"{FILE}: status 429, in the last of 6 tries"
    assert missing.detail.startswith("the server has enough of us")
