from __future__ import annotations

import errno
import socket
import threading
import time
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine_ci.errors import EngineAnswerError, EngineLateError, HarnessError
from engine_ci.system import http
from engine_ci.system.http import Answer, Loopback, free_port, port_is_free, require_loopback

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Serve = Callable[[Callable[[socket.socket], None]], Loopback]


def plenty() -> float:
    return 60.0


def within(seconds: float) -> Callable[[], float]:
    end = time.monotonic() + seconds
    return lambda: max(0.0, end - time.monotonic())


@pytest.fixture
def serve() -> Iterator[Serve]:
    """A server that treats each connection, whose request was read, as a test says."""
    servers = []

    def start(treat: Callable[[socket.socket], None]) -> Loopback:
        server = socket.create_server(("127.0.0.1", 0))
        servers.append(server)

        def work() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                    with connection:
                        _read_request(connection)
                        treat(connection)
                except OSError:  # the test is over, or the client has gone
                    if server.fileno() < 0:
                        return

        threading.Thread(target=work, daemon=True).start()
        return Loopback(server.getsockname()[1])

    yield start
    for server in servers:
        # Closing alone does not wake a thread that waits in accept.
        with closing(server):
            server.shutdown(socket.SHUT_RDWR)


def _read_request(connection: socket.socket) -> bytes:
    received = b""
    while b"\r\n\r\n" not in received:
        received += connection.recv(65536)
    head, _, body = received.partition(b"\r\n\r\n")
    lengths = [line for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")]
    missing = int(lengths[0].split(b":")[1]) - len(body) if lengths else 0
    while missing > 0:
        missing -= len(connection.recv(65536))
    return head


def _answer(body: bytes, *, status: str = "200 OK", length: int | None = None) -> bytes:
    announced = len(body) if length is None else length
    return f"HTTP/1.1 {status}\r\nContent-Length: {announced}\r\n\r\n".encode() + body


def _chunked(*chunks: bytes, end: bytes = b"0\r\n\r\n") -> bytes:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    return head + b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks) + end


def test_an_answer_comes_back_whole(serve: Serve) -> None:
    server = serve(lambda connection: connection.sendall(_answer(b'{"status": "ok"}')))

    assert server.request("GET", "/health", left=plenty) == Answer(
        status=200, body=b'{"status": "ok"}'
    )


def test_a_status_other_than_200_is_an_answer_too(serve: Serve) -> None:
    loading = _answer(b'{"error": {}}', status="503 Service Unavailable")
    server = serve(lambda connection: connection.sendall(loading))

    assert server.request("GET", "/health", left=plenty).status == 503


@pytest.mark.parametrize(
    ("body", "sent"),
    [({"content": "ä"}, b'{"content": "\\u00e4"}'), (b'{"content": }', b'{"content": }')],
)
def test_a_body_is_sent_as_json_and_bytes_as_they_are(
    body: dict[str, str] | bytes, sent: bytes
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        received = []

        def work() -> None:
            with listener.accept()[0] as connection:
                received.append(connection.recv(65536))
                while b"}" not in received[-1]:
                    received.append(connection.recv(65536))
                connection.sendall(_answer(b"{}"))

        thread = threading.Thread(target=work)
        thread.start()
        Loopback(listener.getsockname()[1]).request("POST", "/tokenize", body=body, left=plenty)
        thread.join()

    head, _, content = b"".join(received).partition(b"\r\n\r\n")

    assert head.startswith(b"POST /tokenize HTTP/1.1\r\n")
    assert b"Content-Type: application/json" in head
    assert content == sent


def test_a_chunked_answer_is_put_together(serve: Serve) -> None:
    server = serve(lambda connection: connection.sendall(_chunked(b'{"a"', b": 1}")))

    assert server.request("GET", "/props", left=plenty).json() == {"a": 1}


def test_proxies_of_the_environment_are_not_used(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    server = serve(lambda connection: connection.sendall(_answer(b"{}")))

    assert server.request("GET", "/health", left=plenty).status == 200


def test_a_redirect_is_not_followed(serve: Serve) -> None:
    moved = b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:9/\r\nContent-Length: 0\r\n\r\n"
    server = serve(lambda connection: connection.sendall(moved))

    assert server.request("GET", "/health", left=plenty).status == 302


def test_nobody_there_is_a_refused_connection() -> None:
    with pytest.raises(EngineAnswerError) as caught:
        Loopback(free_port()).request("GET", "/health", left=plenty)

    assert str(caught.value) == "GET /health: the connection was refused"


BROKEN = "the connection was broken off"


@pytest.mark.parametrize(
    ("sent", "reason"),
    [
        pytest.param(b"", BROKEN, id="nothing"),
        pytest.param(_answer(b"short", length=100), BROKEN, id="less-than-announced"),
        pytest.param(_answer(b"", length=100), BROKEN, id="nothing-of-what-was-announced"),
        pytest.param(_chunked(b"a", end=b""), BROKEN, id="no-last-chunk"),
        pytest.param(_chunked(end=b"ff\r\nab"), BROKEN, id="half-a-chunk"),
        pytest.param(b"SSH-2.0-server\r\n", "no HTTP that can be read", id="another-protocol"),
        pytest.param(b"HTTP/1.1 abc\r\n\r\n", "no HTTP that can be read", id="no-status"),
        pytest.param(
            b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 200, "no HTTP that can be read", id="many-heads"
        ),
    ],
)
def test_an_answer_that_is_none_says_what_is_wrong_with_it(
    serve: Serve, sent: bytes, reason: str
) -> None:
    server = serve(lambda connection: connection.sendall(sent))

    with pytest.raises(EngineAnswerError) as caught:
        server.request("GET", "/props", left=plenty)

    assert str(caught.value).startswith(f"GET /props: {reason}")


@given(st.binary(max_size=300))
def test_no_bytes_cause_anything_but_an_answer_or_its_error(sent: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def work() -> None:
            with listener.accept()[0] as connection:
                _read_request(connection)
                connection.sendall(b"HTTP/1.1 " + sent)

        thread = threading.Thread(target=work)
        thread.start()
        try:
            answer: Answer | None = Loopback(listener.getsockname()[1]).request(
                "GET", "/", left=plenty
            )
        except EngineAnswerError:
            answer = None
        thread.join()

    assert answer is None or answer.status >= 100


def _drip(connection: socket.socket) -> None:
    head = b"HTTP/1.1 200 OK\r\n\r\n"
    for byte in head + b"x" * 10_000:
        connection.sendall(bytes([byte]))
        time.sleep(0.002)


def _drip_in_the_head(connection: socket.socket) -> None:
    while True:
        connection.sendall(b"H")
        time.sleep(0.002)


def _say_nothing(connection: socket.socket) -> None:
    connection.recv(1)


@pytest.mark.parametrize("treat", [_drip, _drip_in_the_head, _say_nothing])
def test_an_answer_without_end_is_given_up_in_time(
    serve: Serve, treat: Callable[[socket.socket], None]
) -> None:
    begin = time.monotonic()

    with pytest.raises(EngineLateError, match=r"GET /props: no whole answer within 0\.\d s"):
        serve(treat).request("GET", "/props", left=within(0.15))

    assert 0.15 <= time.monotonic() - begin < 2


def test_a_client_waits_as_long_as_it_is_told_to_whenever_it_asks(serve: Serve) -> None:
    go_on = threading.Event()
    asked = []

    def left() -> float:
        asked.append(time.monotonic())
        if len(asked) > 3:
            go_on.set()
        return 0.01

    def treat(connection: socket.socket) -> None:
        go_on.wait(10)
        connection.sendall(_answer(b"{}"))

    assert serve(treat).request("GET", "/props", left=left).status == 200
    assert len(asked) > 3


def test_a_server_that_takes_no_more_connections_is_given_up_in_time() -> None:
    with socket.socket() as full, socket.socket() as first, socket.socket() as second:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        for filler in (first, second):
            filler.setblocking(False)
            filler.connect_ex(full.getsockname())

        with pytest.raises(EngineLateError):
            Loopback(full.getsockname()[1]).request("GET", "/props", left=within(0.1))


def test_an_answer_that_never_stops_growing_is_refused(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "MAX_ANSWER", 1000)

    def flood(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            connection.sendall(b"x" * 4096)

    with pytest.raises(EngineAnswerError, match="more than 1000 bytes"):
        serve(flood).request("GET", "/props", left=plenty)


@pytest.mark.parametrize("body", [b"<html>", b"", b"\xff", b"[" * 100_000, b'{"a": '])
def test_what_is_not_json_is_an_error_that_shows_it(body: bytes) -> None:
    with pytest.raises(EngineAnswerError, match=r"the answer \(status 200\) is not JSON"):
        Answer(status=200, body=body).json()


def test_a_stream_gives_each_line_when_it_comes_in(serve: Serve) -> None:
    go_on = threading.Event()

    def treat(connection: socket.socket) -> None:
        connection.sendall(_chunked(b"data: 1\n\n", end=b""))
        go_on.wait()
        connection.sendall(b"7\r\ndata: 2\r\n0\r\n\r\n")

    lines = serve(treat).stream("/completion", body={}, left=plenty)
    first = next(lines)
    go_on.set()

    assert [first, *lines] == [b"data: 1", b"data: 2"]


def test_a_line_can_come_in_pieces(serve: Serve) -> None:
    server = serve(lambda connection: connection.sendall(_chunked(b"da", b"ta: 1\r", b"\n")))

    assert list(server.stream("/completion", body={}, left=plenty)) == [b"data: 1"]


def test_a_stream_can_be_left_early(serve: Serve) -> None:
    left = threading.Event()

    def treat(connection: socket.socket) -> None:
        connection.sendall(_chunked(b"data: 1\n", end=b""))
        assert connection.recv(1) == b""
        left.set()

    lines = serve(treat).stream("/completion", body={}, left=plenty)
    next(lines)
    lines.close()

    assert left.wait(5)


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(_chunked(b"data: 1\n", end=b""), id="chunked"),
        pytest.param(_answer(b"data: 1\n", length=100), id="with-a-length"),
    ],
)
def test_a_stream_that_breaks_off_gives_what_came_and_then_says_so(
    serve: Serve, sent: bytes
) -> None:
    lines = serve(lambda connection: connection.sendall(sent)).stream(
        "/completion", body={}, left=plenty
    )

    assert next(lines) == b"data: 1"
    with pytest.raises(EngineAnswerError, match="POST /completion: the connection was broken off"):
        next(lines)


def test_a_stream_without_end_is_given_up_in_time(serve: Serve) -> None:
    def treat(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            connection.sendall(b"data: 1\n")
            time.sleep(0.002)

    with pytest.raises(EngineLateError, match=r"no whole answer within 0\.\d s"):
        list(serve(treat).stream("/completion", body={}, left=within(0.1)))


def test_a_line_without_end_is_refused(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "MAX_ANSWER", 1000)
    server = serve(lambda connection: connection.sendall(_answer(b"x" * 2000)))

    with pytest.raises(EngineAnswerError, match="more than 1000 bytes"):
        list(server.stream("/completion", body={}, left=plenty))


def test_a_stream_that_is_refused_shows_the_reason(serve: Serve) -> None:
    refusal = _answer(b'{"error": "prompt"}', status="400 Bad Request")
    server = serve(lambda connection: connection.sendall(refusal))

    with pytest.raises(EngineAnswerError) as caught:
        list(server.stream("/completion", body={}, left=plenty))

    assert str(caught.value) == 'POST /completion: status 400: {"error": "prompt"}'


def test_a_machine_that_reaches_itself_is_let_be() -> None:
    require_loopback()


def test_a_machine_that_cannot_reach_itself_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable(_: socket.socket, __: object) -> None:
        raise OSError(errno.ENETUNREACH, "Network is unreachable")

    monkeypatch.setattr(socket.socket, "connect", unreachable)

    with pytest.raises(HarnessError) as caught:
        require_loopback()

    assert str(caught.value) == (
        "this machine cannot reach itself at 127.0.0.1: Network is unreachable"
    )
    assert caught.value.hint == "raise loopback, on Linux with `ip link set lo up`"


def test_a_free_port_is_free_and_below_those_of_outgoing_connections() -> None:
    port = free_port()

    assert port_is_free(port)
    assert 20_000 <= port < 32_768


def test_a_port_with_a_listener_is_not_free() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

        assert not port_is_free(port)


def test_a_taken_port_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", free_port())) as server:
        taken, other = server.getsockname()[1], free_port()
        drawn = iter([taken, other])
        monkeypatch.setattr("secrets.choice", lambda _: next(drawn))

        assert free_port() == other


def test_that_no_port_is_free_is_said_and_not_tried_forever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with socket.create_server(("127.0.0.1", free_port())) as server:
        port = server.getsockname()[1]
        monkeypatch.setattr(http, "_PORTS", range(port, port + 1))

        with pytest.raises(HarnessError, match=f"no free port found in 100 tries between {port}"):
            free_port()
