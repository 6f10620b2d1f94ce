"""Over real HTTP on loopback, with a server that misbehaves as servers do."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine_ci.errors import NO_ANSWER, DownloadError, Exit, VerificationError
from engine_ci.system.download import download
from tests.unit.shelf import Shelf, ends_without_a_length, hangs_up, says

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PIECE = 1 << 16
BODY = bytes(range(256)) * (5 * PIECE // 256)


@pytest.fixture
def fetch(shelf: Shelf, tmp_path: Path, waited: list[float]) -> Callable[..., bytes]:
    def run(address: str = shelf.url, *, size: int = len(BODY)) -> bytes:
        download(address, "a/b c?.gguf", into=tmp_path / "file", size=size, wait=waited.append)
        return (tmp_path / "file").read_bytes()

    return run


def test_a_file_comes_whole_and_at_once(
    shelf: Shelf, fetch: Callable[..., bytes], waited: list[float]
) -> None:
    assert fetch() == BODY
    assert [path for path, _ in shelf.asked] == ["/a/b%20c%3F.gguf"]
    assert waited == []


def test_what_broke_off_is_taken_up_where_it_ended(
    shelf: Shelf, fetch: Callable[..., bytes], waited: list[float]
) -> None:
    shelf.replies += [shelf.breaks_off(missing=3 * PIECE), shelf.breaks_off(missing=100)]

    assert fetch() == BODY
    assert shelf.ranges == ["", f"bytes={2 * PIECE}-", f"bytes={4 * PIECE}-"]
    assert waited == [1, 2]


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(missing=st.lists(st.integers(1, len(BODY)), max_size=5))
def test_however_often_it_breaks_off_no_byte_is_lost_or_doubled(
    shelf: Shelf, fetch: Callable[..., bytes], missing: list[int]
) -> None:
    falling = sorted(missing, reverse=True)
    shelf.replies[:] = [shelf.breaks_off(missing=number) for number in falling]

    assert fetch() == BODY


def test_a_server_that_knows_no_parts_is_asked_for_the_whole_again(
    shelf: Shelf, fetch: Callable[..., bytes]
) -> None:
    shelf.replies += [shelf.breaks_off(missing=100), says(200, BODY)]

    assert fetch() == BODY


def test_an_end_that_nobody_announced_is_noticed(shelf: Shelf, fetch: Callable[..., bytes]) -> None:
    shelf.replies += [ends_without_a_length(BODY[:50])]

    assert fetch() == BODY
    assert shelf.ranges == ["", "bytes=50-"]


def test_a_file_that_is_shorter_than_expected_is_left_to_be_judged(
    shelf: Shelf, fetch: Callable[..., bytes]
) -> None:
    assert fetch(size=len(BODY) + 1) == BODY
    assert shelf.ranges == ["", f"bytes={len(BODY)}-"]


def test_no_more_is_taken_than_expected(fetch: Callable[..., bytes], tmp_path: Path) -> None:
    with pytest.raises(VerificationError, match="expected 327679 bytes, found more"):
        fetch(size=len(BODY) - 1)

    assert (tmp_path / "file").stat().st_size < len(BODY)


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_a_busy_server_is_asked_again_after_waits_that_grow(
    shelf: Shelf, fetch: Callable[..., bytes], waited: list[float], status: int
) -> None:
    shelf.replies += [says(status)] * 3

    assert fetch() == BODY
    assert waited == [1, 2, 4]


def test_the_wait_is_the_one_that_the_server_asks_for(
    shelf: Shelf, fetch: Callable[..., bytes], waited: list[float]
) -> None:
    soon = format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True)
    past = format_datetime(datetime.now(UTC) - timedelta(days=1), usegmt=True)
    shelf.replies += [says(429, Retry_After=text) for text in ("7", soon, past, "soon")]

    assert fetch() == BODY
    assert waited == [7, pytest.approx(60, abs=5), 0, 8]


def test_a_server_that_stays_busy_is_given_up(
    shelf: Shelf, fetch: Callable[..., bytes], waited: list[float]
) -> None:
    shelf.replies += [says(429)] * 6

    with pytest.raises(DownloadError, match="status 429, in the last of 6 tries") as caught:
        fetch()

    assert (caught.value.status, caught.value.exit_code) == (429, Exit.OUTSIDE)
    assert waited == [1, 2, 4, 8, 16]


def test_nobody_waits_for_an_hour(
    shelf: Shelf, fetch: Callable[..., bytes], waited: list[float]
) -> None:
    shelf.replies += [says(429, Retry_After="3600")]

    with pytest.raises(DownloadError, match="status 429, and the server asks to wait 3600 s"):
        fetch()

    assert waited == []


@pytest.mark.parametrize("status", [204, 400, 401, 403, 404, 410, 501])
def test_a_refusal_is_not_asked_for_again(
    shelf: Shelf, fetch: Callable[..., bytes], waited: list[float], status: int
) -> None:
    shelf.replies += [says(status)]

    with pytest.raises(DownloadError, match=f"^status {status}$") as caught:
        fetch()

    assert caught.value.status == status
    assert (len(shelf.asked), waited) == (1, [])


def test_a_server_that_hangs_up_is_given_up_without_its_address(
    shelf: Shelf, fetch: Callable[..., bytes]
) -> None:
    shelf.replies += [hangs_up] * 6

    with pytest.raises(DownloadError) as caught:
        fetch()

    assert str(caught.value) == "the connection failed (ConnectionError), in the last of 6 tries"
    assert caught.value.hint == NO_ANSWER
    assert caught.value.status is None


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_followed_and_the_rest_too_is_fetched_that_way(
    shelf: Shelf, fetch: Callable[..., bytes], status: int
) -> None:
    there = says(status, Location="/elsewhere?signed=1")
    shelf.replies += [there, shelf.breaks_off(missing=10), there]

    assert fetch() == BODY
    assert [path for path, _ in shelf.asked] == ["/a/b%20c%3F.gguf", "/elsewhere?signed=1"] * 2
    assert shelf.ranges[-1] == f"bytes={4 * PIECE}-"


def test_redirects_without_end_are_not_followed_to_it(
    shelf: Shelf, fetch: Callable[..., bytes]
) -> None:
    shelf.replies += [says(302, Location="/round")] * 20

    with pytest.raises(DownloadError, match="more than 5 redirects"):
        fetch()

    assert len(shelf.asked) == 6


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("http://models.example/x", "not over HTTPS: an address of `http`"),
        ("file:///etc/passwd", "not over HTTPS: an address of `file`"),
        ("https://me:secret@models.example/x", "a user name or a password"),
        ("https://[models.example/x", "an address that cannot be read"),
    ],
)
def test_an_address_that_is_not_safe_is_not_asked_whoever_names_it(
    shelf: Shelf, fetch: Callable[..., bytes], address: str, reason: str
) -> None:
    shelf.replies += [says(302, Location=address)]

    for url in (address, shelf.url):
        with pytest.raises(DownloadError, match=reason) as caught:
            fetch(url)
        assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (says(206, b"x", Content_Range="bytes 0-0/9"), r"from 262144, found 'bytes 0-0/9'"),
        (says(206, b"x"), "expected the bytes from 262144, found ''"),
        (says(200, b"x", Content_Encoding="gzip"), "as they are, found them in gzip"),
    ],
)
def test_another_part_or_form_than_asked_for_is_refused(
    shelf: Shelf, fetch: Callable[..., bytes], reply: Callable[..., None], reason: str
) -> None:
    shelf.replies += [shelf.breaks_off(missing=100), reply]

    with pytest.raises(DownloadError, match=reason):
        fetch()


def test_nothing_tells_the_server_who_asks(
    shelf: Shelf, fetch: Callable[..., bytes], home: Path
) -> None:
    (home / ".netrc").write_text("machine 127.0.0.1 login me password secret\n", encoding="utf-8")
    (home / ".netrc").chmod(0o600)
    cookie = says(302, Location="/elsewhere", Set_Cookie="who=me")
    shelf.replies += [cookie]

    fetch()

    for _, headers in shelf.asked:
        assert not {"Authorization", "Cookie"} & set(headers)


def test_a_file_of_unknown_size_ends_where_the_answer_does(shelf: Shelf, tmp_path: Path) -> None:
    download(shelf.url, "file", into=tmp_path / "file", size=None)

    assert (tmp_path / "file").read_bytes() == BODY


def test_a_server_that_drips_is_given_up(shelf: Shelf, tmp_path: Path) -> None:
    clock = iter([0.0, *[1e6] * 99])

    with pytest.raises(DownloadError, match="0 bytes came in all the time that 327680 may take"):
        download(shelf.url, "f", into=tmp_path / "f", size=len(BODY), now=lambda: next(clock))
