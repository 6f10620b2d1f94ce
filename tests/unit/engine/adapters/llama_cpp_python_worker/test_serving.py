from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from engine_ci.engine.adapters.llama_cpp_python_worker import serving
from engine_ci.engine.adapters.llama_cpp_python_worker.serving import Server
from engine_ci.engine.client import Client
from engine_ci.errors import EngineAnswerError, EngineRefusedError
from engine_ci.system.http import HOST

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.unit.engine.adapters.llama_cpp_python_worker.conftest import Made
    from tests.unit.engine.adapters.standin_llama_cpp import Llama


@pytest.fixture
def served(made: Made) -> Iterator[tuple[Client, Llama]]:
    endpoints, llama = made(metrics=True)
    server = Server((HOST, 0), endpoints)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield Client(server.server_address[1]), llama
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def client(served: tuple[Client, Llama]) -> Client:
    return served[0]


def test_the_client_understands_all_that_it_asks(client: Client) -> None:
    assert client.health()
    assert client.props().total_slots == 1
    assert client.complete("ab", count=2, top=1).tokens == (99, 100)
    assert client.tokenize("ab") == (97, 98)
    assert client.detokenize([97, 98]) == "ab"
    assert client.apply_template([{"role": "user", "content": "Hello"}])
    assert client.slots()[0].held == 4
    client.slot("erase", slot=0)
    assert client.call("GET", "/metrics").body.startswith(b"llamacpp:prompt_tokens_total 3\n")


def test_a_stream_comes_as_it_is_made(client: Client) -> None:
    assert [chunk.tokens for chunk in client.stream([97], count=3)] == [1, 1, 1, 0]


def test_who_breaks_a_stream_ends_the_work(served: tuple[Client, Llama]) -> None:
    client, llama = served
    evaluations = []
    llama.before_eval = lambda: evaluations.append(len(evaluations))

    stream = client.stream([97], count=15)
    next(stream)
    stream.close()

    assert client.complete([97], count=1).tokens == (98,)  # nothing is in work any more


def test_a_stream_that_cannot_begin_is_refused(client: Client) -> None:
    with pytest.raises(EngineAnswerError, match=r"status 400: .*invalid tokens"):
        list(client.stream([999], count=1))


def test_a_stream_that_cannot_go_on_is_cut_and_the_server_lives(
    served: tuple[Client, Llama],
) -> None:
    client, llama = served

    def fail() -> None:
        if llama.n_tokens > 1:
            raise RuntimeError("llama_decode returned -1")

    llama.before_eval = fail
    with pytest.raises(EngineAnswerError, match="broken off"):
        list(client.stream([97], count=5))
    assert client.health()


def test_a_request_that_fails_is_answered_and_the_server_lives(
    served: tuple[Client, Llama],
) -> None:
    client, llama = served

    def fail() -> None:
        raise RuntimeError("llama_decode returned -1")

    llama.before_eval = fail
    with pytest.raises(EngineRefusedError, match="llama_decode returned -1") as caught:
        client.complete([97], count=1)

    assert (caught.value.status, caught.value.kind) == (500, "server_error")
    assert client.health()


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/poetry", None, 404),
        ("POST", "/slots/0?action=save", {}, 404),
        ("POST", "/completion", b"{", 400),
        ("POST", "/completion", b"[]", 400),
        ("POST", "/completion", {}, 400),
    ],
)
def test_what_makes_no_sense_is_refused_in_the_documented_form(
    client: Client, method: str, path: str, body: bytes | dict[str, object] | None, status: int
) -> None:
    answer = client.call(method, path, body=body)

    assert answer.status == status
    assert answer.json()["error"]["code"] == status


def test_a_request_that_is_too_long_is_not_read(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serving, "_MAX_BODY", 10)

    assert client.call("POST", "/tokenize", body={"content": "too long"}).status == 413
