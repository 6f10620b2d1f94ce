"""Over real HTTP on loopback, with a server that misbehaves as GitHub and its neighbours do."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import TYPE_CHECKING

import pytest
from pydantic import BaseModel, TypeAdapter

from engine_ci.errors import NO_ANSWER, NOT_LOGGED_IN, Exit, GitHubError, NotThereError
from engine_ci.system.rest import Page, RestReader
from tests.unit.shelf import Shelf, ends_without_a_length, hangs_up, says

if TYPE_CHECKING:
    from collections.abc import Callable
    from http.server import BaseHTTPRequestHandler
    from pathlib import Path

    from tests.unit.shelf import Reply

TOKEN = "ghs_the-secret"  # noqa: S105 - a made up one, looked for where it must not be
PATH = "repos/a/b/releases?per_page=100"


class Tag(BaseModel):
    name: str


TAGS = TypeAdapter(list[Tag])
CONTENT = [Tag(name="b2"), Tag(name="b1")]
BODY = b'[{"name": "b2", "more": 1}, {"name": "b1"}]'
READ = Page(content=CONTENT)


@pytest.fixture
def reader(shelf: Shelf, tmp_path: Path, waited: list[float]) -> RestReader:
    return RestReader(
        f"{shelf.url}/api/v3/", cache=tmp_path / "cache", token=TOKEN, wait=waited.append
    )


def json_says(body: bytes = BODY, **headers: str) -> Reply:
    return says(200, body, Content_Type="application/json", **headers)


def test_an_answer_comes_in_the_shape_that_was_asked_for(shelf: Shelf, reader: RestReader) -> None:
    assert reader.page(PATH, TAGS) == READ
    ((path, headers),) = shelf.asked
    assert path == "/api/v3/repos/a/b/releases?per_page=100"
    assert headers["Authorization"] == f"Bearer {TOKEN}"
    assert headers["Accept-Encoding"] == "gzip"
    assert "If-None-Match" not in headers


def test_an_answer_that_comes_packed_is_unpacked(shelf: Shelf, reader: RestReader) -> None:
    shelf.replies += [json_says(gzip.compress(BODY), Content_Encoding="gzip")]

    assert reader.page(PATH, TAGS) == READ


def test_without_a_token_nobody_says_who_asks(shelf: Shelf, tmp_path: Path, home: Path) -> None:
    (home / ".netrc").write_text("machine 127.0.0.1 login me password secret\n", encoding="utf-8")
    (home / ".netrc").chmod(0o600)

    RestReader(shelf.url, cache=tmp_path / "cache").page(PATH, TAGS)

    assert "Authorization" not in shelf.asked[0][1]


def test_what_is_known_is_asked_for_by_its_name_and_not_sent_again(
    shelf: Shelf, reader: RestReader
) -> None:
    date = "Sat, 21 Nov 2026 12:00:00 GMT"
    shelf.replies += [json_says(ETag='W/"1"', Last_Modified=date), says(304)]

    first, second = reader.page(PATH, TAGS), reader.page(PATH, TAGS)

    assert first == second == Page(content=CONTENT, etag='W/"1"')
    assert shelf.asked[1][1]["If-None-Match"] == 'W/"1"'
    assert shelf.asked[1][1]["If-Modified-Since"] == date


def test_either_name_of_an_answer_is_enough(shelf: Shelf, reader: RestReader) -> None:
    date = "Sat, 21 Nov 2026 12:00:00 GMT"
    shelf.replies += [json_says(Last_Modified=date), json_says(ETag='"2"'), says(304)]

    for _ in range(3):
        reader.page(PATH, TAGS)

    asked = [
        (headers.get("If-Modified-Since"), headers.get("If-None-Match"))
        for _, headers in shelf.asked
    ]
    assert asked == [(None, None), (date, None), (None, '"2"')]


def test_behind_a_page_that_is_as_it_was_the_next_one_is_not_asked_for(
    shelf: Shelf, reader: RestReader
) -> None:
    shelf.replies += [json_says(ETag='"2"', Link=f'<{shelf.url}/api/v3/x?page=3>; rel="next"')]

    first, second = (reader.page(PATH, TAGS, after='"1"') for _ in range(2))

    assert first == second
    assert (first.next, len(shelf.asked)) == (f"{shelf.url}/api/v3/x?page=3", 1)


def test_behind_another_page_than_then_it_is_asked_whether_it_changed(
    shelf: Shelf, reader: RestReader
) -> None:
    shelf.replies += [json_says(ETag='"2"'), says(304), json_says(ETag='"3"')]

    for after in ('"1"', '"other"', '"other"', None, None):
        assert reader.page(PATH, TAGS, after=after).content == CONTENT

    names = [headers.get("If-None-Match") for _, headers in shelf.asked]
    assert names == [None, '"2"', '"2"', '"3"']


def test_a_page_that_nobody_names_is_always_asked_for(shelf: Shelf, reader: RestReader) -> None:
    for _ in range(2):
        assert reader.page(PATH, TAGS, after='"1"') == READ

    assert len(shelf.asked) == 2


def test_an_answer_that_changed_takes_the_place_of_the_known_one(
    shelf: Shelf, reader: RestReader
) -> None:
    shelf.replies += [json_says(ETag='"1"'), json_says(b'[{"name": "b3"}]', ETag='"2"'), says(304)]

    found = [reader.page(PATH, TAGS).content[0].name for _ in range(3)]

    assert found == ["b2", "b3", "b3"]
    assert shelf.asked[2][1]["If-None-Match"] == '"2"'


def test_a_known_answer_that_was_damaged_is_asked_for_anew(
    shelf: Shelf, reader: RestReader, tmp_path: Path
) -> None:
    shelf.replies += [json_says(ETag='"1"')]
    reader.page(PATH, TAGS)
    (entry,) = (tmp_path / "cache").iterdir()
    entry.write_bytes(entry.read_bytes().replace(b"b2", b"b9"))

    assert reader.page(PATH, TAGS) == READ
    assert "If-None-Match" not in shelf.asked[1][1]


def test_nothing_unchanged_is_taken_for_what_was_never_read(
    shelf: Shelf, reader: RestReader
) -> None:
    shelf.replies += [says(304)]

    with pytest.raises(GitHubError, match="status 304"):
        reader.page(PATH, TAGS)


def test_the_next_page_is_followed_on_the_same_server(shelf: Shelf, reader: RestReader) -> None:
    link = f'<{shelf.url}/api/v3/repositories/7/releases?page=2>; rel="next", <x>; rel="last"'
    shelf.replies += [json_says(Link=link)]

    onward = reader.page(PATH, TAGS).next
    assert onward is not None
    assert reader.page(onward, TAGS) == READ
    assert shelf.asked[1][0] == "/api/v3/repositories/7/releases?page=2"


@pytest.mark.parametrize(
    "address",
    [
        "https://evil.example/api/v3/x",
        "http://127.0.0.1:1/api/v3/x",
        "/elsewhere",
        "/api/v3evil/x",
        "//evil.example/api/v3/x",
        "http://evil.example/api/v3/x",
        "file:///etc/passwd",
    ],
)
def test_neither_a_page_nor_a_redirect_leads_to_another_server(
    shelf: Shelf, reader: RestReader, tmp_path: Path, address: str
) -> None:
    for reply in (
        json_says(ETag='"1"', Link=f'<{address}>; rel="next"'),
        says(302, Location=address),
    ):
        shelf.replies += [reply]
        with pytest.raises(GitHubError) as caught:
            reader.page(PATH, TAGS)
        assert caught.value.exit_code is Exit.OUTSIDE
    with pytest.raises(GitHubError):
        reader.page(address, TAGS)

    assert len(shelf.asked) == 2
    assert not (tmp_path / "cache").exists()


def test_a_redirect_to_another_server_is_named(shelf: Shelf, reader: RestReader) -> None:
    shelf.replies += [says(301, Location="https://evil.example/x")]

    with pytest.raises(GitHubError) as caught:
        reader.page(PATH, TAGS)

    assert str(caught.value) == (
        "127.0.0.1: repos/a/b/releases: sent on to 'evil.example', which it may not use"
    )


def test_a_repository_that_moved_is_found_where_it_is_now(shelf: Shelf, reader: RestReader) -> None:
    shelf.replies += [says(301, Location="/api/v3/repositories/7/releases")]

    assert reader.page(PATH, TAGS) == READ


TRUNCATED = BODY[:-9]
PAGE = b"<!DOCTYPE html><html><title>Unicorn!</title></html>"


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (json_says(TRUNCATED, ETag='"1"'), "'application/json': Invalid JSON: EOF"),
        (ends_without_a_length(TRUNCATED), "expected JSON, found 34 bytes of ''"),
        (says(200, PAGE, Content_Type="text/html", ETag='"1"'), "51 bytes of 'text/html': Inv"),
        (json_says(b"", ETag='"1"'), "expected JSON, found 0 bytes"),
        (json_says(b"[" * 100_000), "expected JSON, found 100000 bytes"),
        (json_says(b"\x1f\x8b no", Content_Encoding="gzip"), "the connection failed (ContentDec"),
        (says(502, PAGE), "status 502"),
        (says(500), "status 500"),
        (hangs_up, "the connection failed (ConnectionError)"),
    ],
)
def test_a_server_in_trouble_is_asked_again_after_waits_that_grow_and_then_given_up(
    shelf: Shelf,
    tmp_path: Path,
    waited: list[float],
    reply: Callable[[BaseHTTPRequestHandler], None],
    words: str,
) -> None:
    reader = RestReader(shelf.url, cache=tmp_path / "cache", wait=waited.append)
    shelf.replies += [reply] * 6
    with pytest.raises(GitHubError) as caught:
        reader.page(PATH, TAGS)

    assert words in str(caught.value)
    assert str(caught.value).endswith("in the last of 6 tries")
    assert caught.value.exit_code is Exit.OUTSIDE
    assert waited == [1, 2, 4, 8, 16]
    assert not (tmp_path / "cache").exists()

    shelf.replies += [reply] * 2
    assert reader.page(PATH, TAGS) == READ


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b'{"message": "Moved"}', "`the whole answer`: Input should be a valid "),
        (b'[{"name": "b1"}, {"tag": "b0"}]', "an answer of another shape: `1.name`: Field req"),
    ],
)
def test_an_answer_of_another_shape_is_neither_used_nor_kept_nor_asked_for_again(
    shelf: Shelf, reader: RestReader, tmp_path: Path, body: bytes, words: str
) -> None:
    shelf.replies += [json_says(body, ETag='"1"')]

    with pytest.raises(GitHubError, match=r"127\.0\.0\.1: repos/a/b/releases") as caught:
        reader.page(PATH, TAGS)

    assert words in str(caught.value)
    assert len(shelf.asked) == 1
    assert not (tmp_path / "cache").exists()


def test_a_fault_leaves_what_was_known_as_it_was(shelf: Shelf, reader: RestReader) -> None:
    shelf.replies += [json_says(ETag='"1"'), json_says(b"{}", ETag='"2"'), says(304)]
    reader.page(PATH, TAGS)
    with pytest.raises(GitHubError):
        reader.page(PATH, TAGS)

    assert reader.page(PATH, TAGS).content == CONTENT
    assert shelf.asked[2][1]["If-None-Match"] == '"1"'


def refusal(message: str) -> bytes:
    return json.dumps({"message": message}).encode()


@pytest.mark.parametrize(
    ("reply", "waits"),
    [
        (says(403, refusal("You have exceeded a secondary rate limit."), Retry_After="3"), 3),
        (says(403, refusal("You have exceeded a secondary rate limit.")), 60),
        (says(429, Retry_After="5"), 5),
        (says(503, Retry_After="4"), 4),
    ],
)
def test_a_limit_is_waited_for(
    shelf: Shelf, reader: RestReader, waited: list[float], reply: Reply, waits: float
) -> None:
    shelf.replies += [reply]

    assert reader.page(PATH, TAGS) == READ
    assert waited == [waits]


def used_up(*, there: datetime, left: timedelta) -> Reply:
    """The primary limit, as a server sees it whose clock may be another one than ours."""

    def reply(to: BaseHTTPRequestHandler) -> None:
        to.send_response_only(403)
        to.send_header("Date", format_datetime(there, usegmt=True))
        to.send_header("X-RateLimit-Remaining", "0")
        to.send_header("X-RateLimit-Reset", str(int((there + left).timestamp())))
        to.send_header("Content-Length", "0")
        to.end_headers()

    return reply


@pytest.mark.parametrize("years", [-3, 0, 3])
def test_a_clock_that_goes_wrong_changes_no_wait(
    shelf: Shelf, reader: RestReader, waited: list[float], years: int
) -> None:
    there = datetime.now(UTC) + timedelta(days=365 * years)
    shelf.replies += [used_up(there=there, left=timedelta(seconds=30))]

    assert reader.page(PATH, TAGS) == READ
    assert waited == [31]


def test_nobody_waits_for_an_hour_and_is_told_when_to_come_back(
    shelf: Shelf, waited: list[float], tmp_path: Path
) -> None:
    noon = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
    shelf.replies += [used_up(there=noon, left=timedelta(minutes=34))]

    with pytest.raises(GitHubError) as caught:
        RestReader(shelf.url, cache=tmp_path, wait=waited.append).page(PATH, TAGS)

    assert str(caught.value) == (
        "127.0.0.1: repos/a/b/releases: status 403, the rate limit is used up until "
        "2026-11-21 12:34:00 UTC, and the server asks to wait 2041 s"
    )
    assert caught.value.hint == "with a token, GitHub takes 5,000 requests an hour instead of 60"
    assert (caught.value.exit_code, waited) == (Exit.OUTSIDE, [])


def test_a_secondary_limit_that_stays_is_given_up(
    shelf: Shelf, reader: RestReader, waited: list[float]
) -> None:
    shelf.replies += [says(403, refusal("You have exceeded a secondary rate limit."))] * 3

    with pytest.raises(GitHubError, match="a rate limit, and the server asks to wait 240 s"):
        reader.page(PATH, TAGS)

    assert waited == [60, 120]


def test_no_answer_at_all_is_told_with_what_to_look_at(shelf: Shelf, reader: RestReader) -> None:
    shelf.replies += [hangs_up] * 6

    with pytest.raises(GitHubError) as caught:
        reader.page(PATH, TAGS)

    assert caught.value.hint == NO_ANSWER


@pytest.mark.parametrize(
    ("status", "kind", "hint"),
    [
        (401, GitHubError, NOT_LOGGED_IN),
        (403, GitHubError, None),
        (404, NotThereError, None),
        (418, GitHubError, None),
        (599, GitHubError, None),
    ],
)
def test_a_refusal_is_told_and_not_asked_for_again(
    shelf: Shelf, reader: RestReader, status: int, kind: type[GitHubError], hint: str | None
) -> None:
    shelf.replies += [says(status, refusal("Bad credentials \U0001f984" + "x" * 1000))]

    with pytest.raises(GitHubError) as caught:
        reader.page(PATH, TAGS)

    assert type(caught.value) is kind
    assert f"status {status}: 'Bad credentials \\U0001f984xxx" in str(caught.value)
    assert len(str(caught.value)) < 300
    assert caught.value.hint == hint
    assert (caught.value.exit_code, len(shelf.asked)) == (Exit.OUTSIDE, 1)


def test_the_token_is_in_no_error_and_on_no_disk(
    shelf: Shelf, reader: RestReader, tmp_path: Path
) -> None:
    shelf.replies += [json_says(ETag='"1"'), says(401, refusal("no")), says(302, Location="//x")]
    reader.page(PATH, TAGS)
    for _ in range(2):
        with pytest.raises(GitHubError) as caught:
            reader.page(PATH, TAGS)
        assert TOKEN not in f"{caught.value} {caught.value.hint} {caught.value.__cause__}"

    (kept,) = (tmp_path / "cache").iterdir()
    assert TOKEN.encode() not in kept.read_bytes()


def test_an_answer_that_never_ends_is_not_read_to_its_end(shelf: Shelf, reader: RestReader) -> None:
    bomb = gzip.compress(b" " * (65 << 20))
    assert len(bomb) < 100_000
    shelf.replies += [json_says(bomb, Content_Encoding="gzip")]

    with pytest.raises(GitHubError, match="expected 67108864 bytes at most, found more"):
        reader.page(PATH, TAGS)


def test_a_server_that_drips_is_given_up(shelf: Shelf, tmp_path: Path) -> None:
    clock = iter([0.0, *[1e6] * 9])
    slow = RestReader(shelf.url, cache=tmp_path, now=lambda: next(clock))

    with pytest.raises(GitHubError, match="43 bytes came in 120 s, and no end"):
        slow.page(PATH, TAGS)
