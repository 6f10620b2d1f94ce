"""Stands in for llama-server: starts the real one behind itself and plants one named fault.

As a program: `proxy.py PLANTED REAL FAULT ARGUMENT [llama-server's own arguments]`. It listens on
the port that it is given, forwards every request, and ends as the real server ends. What outlives
it lives until `PLANTED`, the program that stands for it, is removed.
"""

from __future__ import annotations

import base64
import contextlib
import ctypes
import http.client
import json
import math
import os
import re
import shlex
import signal
import socket
import struct
import subprocess
import sys
import time
import zlib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Lock, Thread
from typing import IO, TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Json = dict[str, Any]
    Edit = Callable[[Json, str], object]

_COMPANY: Final = 3  # completions at a time
_FAR_SHORTER: Final = 4  # times
_READINESS: Final = 1  # token that an engine is asked for before it counts as ready
_PNG: Final = re.compile(rb"iVBORw0KGgo[A-Za-z0-9+/]+=*")
_PIXELS: Final = 41  # bytes before them, in a PNG that has nothing else
_PNG_END: Final = b"\0\0\0\0IEND\xaeB`\x82"
_KILL_ME_WITH_MY_PARENT: Final = 1  # PR_SET_PDEATHSIG
# What outlives an engine, until a file is removed, or whoever should do so is long dead.
_OUTLIVES: Final = """
import os, signal, sys, time
signal.alarm(600)
while os.path.exists(sys.argv[1]): time.sleep(0.1)
"""


def plant(folder: Path, *, server: Path, fault: str = "none", argument: str = "") -> Path:
    """Writes a `llama-server` with that fault into an empty folder, and returns the folder."""
    folder.mkdir(parents=True)
    program = folder / "llama-server"
    ours = [sys.executable, "-I", "-S", __file__, str(program)]
    command = shlex.join([*ours, str(server), fault, argument])
    program.write_text(f'#!/bin/sh\nexec {command} "$@"\n')
    program.chmod(0o755)
    return folder


def _token_swapped(answer: Json, argument: str) -> None:
    step = int(argument)
    if len(answer.get("tokens", ())) > step:
        answer["tokens"][step] ^= 1
        for entry in answer.get("completion_probabilities", ())[step : step + 1]:
            entry["id"] ^= 1


def _logprobs_scaled(answer: Json, argument: str) -> None:
    for entry in answer.get("completion_probabilities", ()):
        for item in (entry, *entry["top_logprobs"]):
            item["logprob"] *= float(argument)


def _wrong(answer: Json, _: str) -> None:
    _logprobs_scaled(answer, "1.05")
    _token_swapped(answer, "1")


def _ends_early(answer: Json, _: str) -> None:
    if answer.get("stop_type") == "eos":
        answer["tokens"] = answer["tokens"][:-2]


def _runs_on(answer: Json, _: str) -> None:
    if answer.get("stop_type") == "eos":
        answer["stop_type"] = "limit"


def _error_in_200(answer: Json, _: str) -> None:
    if len(answer["tokens"]) > _READINESS:
        answer.clear()
        answer["error"] = {"code": 500, "message": "Compute error.", "type": "server_error"}


def _field_renamed(answer: Json, argument: str) -> None:
    old, new = argument.split(":")
    if old in answer and len(answer["tokens"]) > _READINESS:
        answer[new] = answer.pop(old)


def _prompt_altered(answer: Json, _: str) -> None:
    answer["prompt"] = answer["prompt"].replace("\n", "\n\n", 1)


def _content_rendered(answer: Json, _: str) -> None:
    answer["prompt"] = answer["prompt"].replace("{{ 7 * 7 }}", "49")


def _chat_says(answer: Json, argument: str) -> None:
    answer["choices"][0]["message"]["content"] = argument


def _chat_finishes(answer: Json, argument: str) -> None:
    answer["choices"][0]["finish_reason"] = argument


def _usage_off_by_one(answer: Json, argument: str) -> None:
    answer["usage"][argument] += 1


def _tokens_reversed(answer: Json, _: str) -> None:
    answer["tokens"].reverse()


def _piece_stripped(answer: Json, _: str) -> None:
    for token in answer["tokens"][:1]:
        if isinstance(token, dict):
            token["piece"] = token["piece"].lstrip()


def _content_stripped(answer: Json, _: str) -> None:
    answer["content"] = answer["content"].strip()


def _nothing_cached(answer: Json, _: str) -> None:
    answer["timings"]["prompt_n"] = answer["tokens_evaluated"]


def _reads_again(answer: Json, argument: str) -> None:
    """Argument: how many tokens besides, as far as there are so many."""
    evaluated = answer["timings"]["prompt_n"] + int(argument)
    answer["timings"]["prompt_n"] = min(evaluated, answer["tokens_evaluated"])


def _wrong_when_cached(answer: Json, _: str) -> None:
    if answer["timings"]["cache_n"]:
        _token_swapped(answer, "1")


def _wrong_past(answer: Json, argument: str) -> None:
    if answer["tokens_evaluated"] > int(argument):
        _token_swapped(answer, "1")


def _stops_before_full(answer: Json, _: str) -> None:
    if answer["truncated"]:
        answer["tokens"].pop()


def _other_model(answer: Json, argument: str) -> None:
    answer["model_path"] = argument


def _place(value: Any, where: str) -> tuple[Any, Any]:  # noqa: ANN401 - JSON of any shape
    """What holds the last step of `a.0.b`, and that step; an IndexError or KeyError if nothing."""
    *steps, last = (int(step) if step.isdecimal() else step for step in where.split("."))
    for step in steps:
        value = value[step]
    value[last]
    return value, last


def _edit(data: bytes, fault: str, where: str, new: str) -> bytes:
    """JSON with one field gone or changed; as it was where there is no such field."""
    with contextlib.suppress(ValueError, LookupError, TypeError):
        answer = json.loads(data)
        holder, last = _place(answer, where)
        if fault == "value-gone":
            del holder[last]
        else:
            holder[last] = json.loads(new)
        return json.dumps(answer).encode()
    return data


def _vectors_turned(answer: Json, argument: str) -> None:
    """By an angle in the plane of the first two components, so that their lengths stay."""
    cosine, sine = math.cos(float(argument)), math.sin(float(argument))
    for vector in _plain_vectors(answer):
        one, other = vector[:2]
        vector[:2] = one * cosine - other * sine, one * sine + other * cosine


def _vectors_stretched(answer: Json, argument: str) -> None:
    for vector in _plain_vectors(answer):
        vector[:] = [value * float(argument) for value in vector]


def _vectors_cut(answer: Json, _: str) -> None:
    for vector in _plain_vectors(answer):
        vector.pop()


def _vectors_swapped(answer: Json, _: str) -> None:
    if len(answer["data"]) > 1:
        first, second, *_others = answer["data"]
        first["embedding"], second["embedding"] = second["embedding"], first["embedding"]


def _plain_vectors(answer: Json) -> list[list[float]]:
    found = [item["embedding"] for item in answer["data"]]
    return [vector for vector in found if isinstance(vector, list)]


# Faults of one kind of answer: the path, and what happens to its JSON in place.
_ANSWERS: Final[dict[str, tuple[str, Edit]]] = {
    "token-swapped": ("/completion", _token_swapped),
    "logprobs-scaled": ("/completion", _logprobs_scaled),
    "wrong-with": ("/completion", _wrong),
    "ends-early": ("/completion", _ends_early),
    "runs-on": ("/completion", _runs_on),
    "error-in-200": ("/completion", _error_in_200),
    "field-renamed": ("/completion", _field_renamed),
    "nothing-cached": ("/completion", _nothing_cached),
    "reads-again": ("/completion", _reads_again),
    "wrong-when-cached": ("/completion", _wrong_when_cached),
    "wrong-past": ("/completion", _wrong_past),
    "stops-before-full": ("/completion", _stops_before_full),
    "template-altered": ("/apply-template", _prompt_altered),
    "template-in-content": ("/apply-template", _content_rendered),
    "chat-says": ("/v1/chat/completions", _chat_says),
    "chat-finishes": ("/v1/chat/completions", _chat_finishes),
    "usage-off-by-one": ("/v1/chat/completions", _usage_off_by_one),
    "tokenizer-altered": ("/tokenize", _tokens_reversed),
    "pieces-altered": ("/tokenize", _piece_stripped),
    "detokenizer-altered": ("/detokenize", _content_stripped),
    "vectors-turned": ("/v1/embeddings", _vectors_turned),
    "vectors-stretched": ("/v1/embeddings", _vectors_stretched),
    "vectors-cut": ("/v1/embeddings", _vectors_cut),
    "vectors-swapped": ("/v1/embeddings", _vectors_swapped),
    "other-model": ("/props", _other_model),
    "loads-anything": ("/props", _other_model),
}


Reply = tuple[int, bytes]


def _refuses_with(server: _Proxy, reply: Reply) -> Reply:
    """Argument: the status in place of the documented one."""
    status, data = reply
    return (int(server.argument) if status == http.client.BAD_REQUEST else status), data


def _answers_what_is_too_long(_: _Proxy, reply: Reply) -> Reply:
    if reply[0] != http.client.BAD_REQUEST:
        return reply
    answer = {"content": "a", "tokens": [1], "stop_type": "limit"}
    return http.client.OK, json.dumps(answer).encode()


def _refuses_in_company(server: _Proxy, reply: Reply) -> Reply:
    """Argument: what it says."""
    if not server.company:
        return reply
    error = {"code": 500, "message": server.argument, "type": "server_error"}
    return http.client.INTERNAL_SERVER_ERROR, json.dumps({"error": error}).encode()


def _wrong_in_company(server: _Proxy, reply: Reply) -> Reply:
    if not server.company or reply[0] != http.client.OK:
        return reply
    answer = json.loads(reply[1])
    _token_swapped(answer, "1")
    return http.client.OK, json.dumps(answer).encode()


def _mixes_up_slots(server: _Proxy, reply: Reply) -> Reply:
    """Each of several gets the answer of the one that was ready before."""
    if not server.company or reply[0] != http.client.OK:
        return reply
    earlier, server.last = server.last, reply
    return earlier or reply


def _hangs_in_a_crowd(server: _Proxy, reply: Reply) -> Reply:
    if server.busy > _COMPANY:
        time.sleep(600)
    return reply


def _unwell_when_full(server: _Proxy, reply: Reply) -> Reply:
    server.unwell |= b'"truncated":true' in reply[1]
    return reply


def _dies_when_full(server: _Proxy, reply: Reply) -> Reply:
    if b'"truncated":true' in reply[1]:
        server.abort()
    return reply


def _wrong_when_back(server: _Proxy, reply: Reply) -> Reply:
    """Where a prompt is far shorter than the one before it."""
    if reply[0] != http.client.OK:
        return reply
    answer = json.loads(reply[1])
    before, server.prompted = server.prompted, answer["tokens_evaluated"]
    if server.prompted * _FAR_SHORTER < before:
        _token_swapped(answer, "1")
    return http.client.OK, json.dumps(answer).encode()


def _writes_to_the_log(server: _Proxy, reply: Reply) -> Reply:
    sys.stderr.write(f"{server.argument}\n")
    sys.stderr.flush()
    return reply


def _leaks(server: _Proxy, reply: Reply) -> Reply:
    """Argument: KiB for each completion."""
    server.held.append(b"x" * (int(server.argument) << 10))
    return reply


# Faults of a completion that depend on what else goes on, or do more than change its JSON.
_COMPLETIONS: Final[dict[str, Callable[[_Proxy, Reply], Reply]]] = {
    "refuses-with": _refuses_with,
    "answers-what-is-too-long": _answers_what_is_too_long,
    "refuses-in-company": _refuses_in_company,
    "wrong-in-company": _wrong_in_company,
    "wrong-when-back": _wrong_when_back,
    "mixes-up-slots": _mixes_up_slots,
    "hangs-in-a-crowd": _hangs_in_a_crowd,
    "unwell-when-full": _unwell_when_full,
    "dies-when-full": _dies_when_full,
    "writes-to-the-log": _writes_to_the_log,
    "leaks": _leaks,
}


class _Proxy(ThreadingHTTPServer):
    """Forwards to the real server on `behind`."""

    daemon_threads = True

    def __init__(self, port: int, *, behind: int, fault: str, argument: str) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.behind = behind
        self.fault = fault
        self.argument = argument
        self.client_left: Callable[[], None] = lambda: None
        self.hold: Callable[[float], None] = lambda _: None
        self.clock: Callable[[], float] = time.perf_counter
        self.abort: Callable[[], None] = lambda: None
        self.unwell = False
        self.busy = 0
        self.company = False
        self.asked = 0
        self.held: list[bytes | socket.socket] = []
        self.last: Reply | None = None
        self.prompted = 0
        self.body = b""
        self._counting = Lock()

    def count(self, change: int) -> None:
        """Counts the completions that are worked on at the moment.

        They are in company until the last of so many has its answer, however slowly those leave.
        """
        with self._counting:
            self.busy += change
            self.company = self.busy >= _COMPANY or (self.company and self.busy > 0)


class _Handler(BaseHTTPRequestHandler):
    server: _Proxy

    def do_GET(self) -> None:
        if self.server.unwell and self.path == "/health":
            self._send(503, "application/json", b'{"error": {"message": "unwell"}}')
        else:
            self._forward(b"")

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.server.fault == "slot-action-lost" and self.server.argument in self.path:
            self._send(200, "application/json", b'{"id_slot": 0}')
        elif self._is_refused(body):
            error = {"code": 400, "message": "planted", "type": "invalid_request_error"}
            self._send(400, "application/json", json.dumps({"error": error}).encode())
        elif self.path == "/completion":
            self._die_of_the_same(body)
            self.server.count(1)
            try:
                self._forward(body)
            finally:
                self.server.count(-1)
        else:
            self._forward(body)

    def _is_refused(self, body: bytes) -> bool:
        """Argument: what no request may have in its body."""
        return self.server.fault == "refuses-what-has" and self.server.argument.encode() in body

    def _die_of_the_same(self, body: bytes) -> None:
        """Where a request is the one before it."""
        if self.server.fault == "dies-of-the-same" and body == self.server.body:
            self.server.abort()
        self.server.body = body

    def _after_some(self) -> None:
        """The faults of the request after so many; argument: how many."""
        self.server.asked += 1
        if self.server.asked > int(self.server.argument):
            if self.server.fault == "hangs-after":
                time.sleep(600)
            self.server.abort()

    def _forward(self, body: bytes) -> None:
        if self.server.fault in ("dies-after", "hangs-after") and self.command == "POST":
            self._after_some()
        started = self.server.clock()
        connection = http.client.HTTPConnection("127.0.0.1", self.server.behind)
        headers = {"Content-Type": "application/json"} if body else {}
        with contextlib.closing(connection):
            try:
                connection.request(self.command, self.path, self._asked(body) or None, headers)
                response = connection.getresponse()
            except OSError:  # the real server does not listen yet
                self._send(503, "application/json", b'{"error": {"message": "Loading model"}}')
                return
            kind = response.getheader("Content-Type", "application/json")
            if kind.startswith("text/event-stream"):
                self._slow_down(since=started)
                self._stream(response, kind)
            else:
                reply = response.status, self._altered(response.read(), response.status)
                self._slow_down(since=started)
                if self.path == "/completion" and self.server.fault in _COMPLETIONS:
                    reply = _COMPLETIONS[self.server.fault](self.server, reply)
                self._send(self._status(reply[0]), kind, reply[1])

    def _altered(self, data: bytes, status: int) -> bytes:
        path, edit = _ANSWERS.get(self.server.fault, ("", None))
        if self._is_edited():
            return _edit(data, self.server.fault, *self._where())
        if edit is None or self.path != path or status != http.client.OK:
            return data
        answer = json.loads(data)
        edit(answer, self.server.argument)
        return json.dumps(answer).encode()

    def _is_edited(self) -> bool:
        """Whether the fault is `value-gone PATH FIELD` or `value-set PATH FIELD JSON`, and here."""
        fault, argument = self.server.fault, self.server.argument
        return fault in ("value-gone", "value-set") and self.path == argument.split()[0]

    def _where(self) -> tuple[str, str]:
        _, where, *new = self.server.argument.split(maxsplit=2)
        return where, "".join(new)

    def _asked(self, body: bytes) -> bytes:
        """The request as the real server gets it."""
        fault = self.server.fault
        if fault == "asked-otherwise":
            path, field, value = self.server.argument.split(maxsplit=2)
            if self.path == path and f'"{field}"'.encode() in body:
                return json.dumps({**json.loads(body), field: json.loads(value)}).encode()
        if fault == "reads-as":  # argument: what is read as what, `OLD:NEW`
            old, _, new = self.server.argument.encode().partition(b":")
            return body.replace(old, new)
        if fault == "picture-flipped":
            body = _PNG.sub(lambda found: _flipped(found[0]), body)
        if fault == "first-picture-kept" and json.loads(body or b"{}").get("cache_prompt"):
            self.server.body = self.server.body or body
            return self.server.body
        if fault == "stop-ignored" and b'"stop"' in body:
            return json.dumps({**json.loads(body), "stop": []}).encode()
        if fault == "encoding-ignored" and b'"encoding_format"' in body:
            return json.dumps({**json.loads(body), "encoding_format": "float"}).encode()
        return body

    def _event(self, line: bytes) -> bytes:
        """One line of a stream as the client gets it."""
        if self.server.fault == "done-missing" and line.startswith(b"data: [DONE]"):
            return b""
        if self.server.fault in ("event-twice", "event-lost"):  # argument: its path and its type
            path, kind = self.server.argument.split()
            if self.path == path and f'"type":"{kind}"'.encode() in line:
                again = line + f"\nevent: {kind}\n".encode() + line
                return again if self.server.fault == "event-twice" else b""
        if self._is_edited() and line.startswith(b"data: "):
            data = line.removeprefix(b"data: ").rstrip()
            return b"data: " + _edit(data, self.server.fault, *self._where()) + b"\n"
        return line

    def _status(self, status: int) -> int:
        """The status that the client is told: for `status-is 404:200`, 200 for 404."""
        if self.server.fault == "unwell-after-an-error" and status == http.client.NOT_FOUND:
            self.server.unwell = True
        if self.server.fault == "status-is":
            old, _, new = self.server.argument.partition(":")
            return int(new) if status == int(old) else status
        return status

    def _stream(self, response: http.client.HTTPResponse, kind: str) -> None:
        self.send_response(response.status)
        self.send_header("Content-Type", kind)
        self.end_headers()
        before = self.server.clock()
        try:
            for line in response:
                self._slow_down(since=before)
                before = self.server.clock()
                self.wfile.write(self._event(line))
        except (BrokenPipeError, ConnectionResetError):
            self.server.client_left()

    def _slow_down(self, *, since: float) -> None:
        """Holds the real server, or it would work ahead while we wait."""
        if self.server.fault == "slow":
            seconds = self.server.clock() - since
            self.server.hold(seconds * (float(self.server.argument) - 1))

    def _send(self, status: int, kind: str, data: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Says nothing: the log belongs to the real server."""


def _flipped(picture: bytes) -> bytes:
    """A PNG of ours, in base64, its lowest row first; half of one stays as it is."""
    data = base64.b64decode(picture)
    (height,) = struct.unpack(">I", data[20:24])
    rows = zlib.decompressobj().decompress(data[_PIXELS:])
    size = len(rows) // height
    if not data.endswith(_PNG_END):
        return picture
    turned = b"".join(rows[at : at + size] for at in reversed(range(0, len(rows), size)))
    chunk = b"IDAT" + zlib.compress(turned)
    length, checksum = struct.pack(">I", len(chunk) - 4), struct.pack(">I", zlib.crc32(chunk))
    return base64.b64encode(data[: _PIXELS - 8] + length + chunk + checksum + _PNG_END)


def _value(arguments: list[str], *names: str) -> int:
    """Where the value of an option stands."""
    return next(place + 1 for place, item in enumerate(arguments) if item in names)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _die_with_parent() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_KILL_ME_WITH_MY_PARENT, signal.SIGKILL)


def _hold(child: subprocess.Popen[bytes], seconds: float) -> None:
    child.send_signal(signal.SIGSTOP)
    time.sleep(seconds)
    child.send_signal(signal.SIGCONT)


def _computed_s(child: subprocess.Popen[bytes]) -> float:
    """CPU seconds, so that on a busy host a slow server is as slow as on an idle one."""
    with contextlib.suppress(OSError):  # it has ended
        return time.clock_gettime((~child.pid << 3) | 2)  # as clock_getcpuclockid(3) says
    return 0.0


def _end_as(returncode: int) -> None:
    """Ends with the status, or by the signal, that the real server ended with."""
    if returncode < 0:
        signal.signal(-returncode, signal.SIG_DFL)
        os.kill(os.getpid(), -returncode)
    os._exit(returncode)


def _outlive_the_group(planted: str, *, keep: tuple[int, ...] = ()) -> None:
    """Leaves a process that is in no group of ours, and keeps these descriptors open."""
    # Returns when it is in its own session: one that still is in our group would end with that.
    program = [sys.executable, "-I", "-S", "-c", _OUTLIVES, planted]
    subprocess.Popen(program, start_new_session=True, pass_fds=keep)


def _end_badly(proxy: _Proxy, planted: str) -> int:
    """The faults of ending when asked to; the status to end with."""
    if proxy.fault == "ignores-sigterm":
        time.sleep(600)
    if proxy.fault == "keeps-the-port":
        _outlive_the_group(planted, keep=(proxy.fileno(),))
    return int(proxy.argument) if proxy.fault == "exits-with" else 0


def _before_start(fault: str, argument: str, arguments: list[str]) -> list[str]:
    """The faults of starting; the arguments for the real server."""
    place = _value(arguments, "-m", "--model")
    model = Path(arguments[place])
    if fault == "aborts-on" and argument in model.name:
        sys.stderr.write("planted: cannot load this model\n")
        sys.stderr.flush()
        os.abort()
    if fault == "never-ready-with" and argument in model.name:
        time.sleep(600)
    while fault == "starts-late" and time.process_time() < float(argument):
        pass
    if fault == "flag-lost" and argument in arguments:
        sys.exit(f"error: invalid argument: {argument}")
    if fault == "loads-anything":
        arguments[place] = argument
    return arguments


def _here(fault: str, argument: str, arguments: list[str]) -> str:
    """The fault; none for `wrong-with -fa on` when these are not among the arguments."""
    absent = fault == "wrong-with" and argument not in shlex.join(arguments)
    return "none" if absent else fault


def _describe(real: str, fault: str, argument: str, arguments: list[str]) -> None:
    """`--help` and `--version` are the real server's, but for a lost flag."""
    said = subprocess.run([real, *arguments], capture_output=True, text=True, check=False)
    lines = said.stdout.splitlines(keepends=True)
    lost = argument if fault == "flag-lost" else None
    sys.stdout.writelines(line for line in lines if lost is None or lost not in line)
    sys.stderr.write(said.stderr)
    sys.exit(said.returncode)


def _copy(log: IO[bytes], argument: str) -> None:
    """Writes the real server's log as ours; argument: what to write instead of what, `OLD:NEW`."""
    old, _, new = argument.encode().partition(b":")
    for line in log:
        sys.stderr.buffer.write(line.replace(old, new))
        sys.stderr.flush()


def _held(fault: str, argument: str) -> Iterator[bytes | socket.socket]:
    """What the proxy holds from its start to its end."""
    if fault == "listens-everywhere":
        yield socket.create_server(("", 0))
    if fault == "hoards":
        yield b"x" * (int(argument) << 20)


def main(planted: str, real: str, fault: str, argument: str, *arguments: str) -> None:
    """Runs the real server and forwards to it until it ends."""
    if not {"--help", "-h", "--version"}.isdisjoint(arguments):
        _describe(real, fault, argument, list(arguments))
    own = _before_start(fault, argument, list(arguments))
    if fault == "loads-anything":
        argument = arguments[_value(own, "-m", "--model")]
    place = _value(own, "--port")
    behind = _free_port()
    fault = _here(fault, argument, own)
    proxy = _Proxy(int(own[place]), behind=behind, fault=fault, argument=argument)
    own[place] = str(behind)
    pipe = subprocess.PIPE if fault == "log-says" else None
    child = subprocess.Popen([real, *own], preexec_fn=_die_with_parent, stderr=pipe)  # noqa: PLW1509 - no threads yet
    if child.stderr:
        Thread(target=_copy, args=(child.stderr, argument), daemon=True).start()
    proxy.held.extend(_held(fault, argument))
    # The supervisor signals the whole group, so the real server has its own SIGTERM already.
    signal.signal(signal.SIGTERM, lambda *_: None)
    proxy.abort = lambda: child.send_signal(signal.SIGABRT)
    if fault == "dies-when-a-client-leaves":
        proxy.client_left = proxy.abort
    if fault == "unwell-when-a-client-leaves":
        proxy.client_left = lambda: setattr(proxy, "unwell", True)
    proxy.hold = lambda seconds: _hold(child, seconds)
    if sys.platform == "linux":
        proxy.clock = lambda: _computed_s(child)
    Thread(target=proxy.serve_forever, daemon=True).start()
    if fault == "leaves-a-process":
        _outlive_the_group(planted)
    status = child.wait()
    if status == 0:
        status = _end_badly(proxy, planted)
    _end_as(0 if fault == "always-content" else status)


if __name__ == "__main__":
    main(*sys.argv[1:])
