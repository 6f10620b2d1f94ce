"""What a person sees when `engine-ci gate` meets a program that is no good: exit 1, and why."""

from __future__ import annotations

import json
import re
import time
from functools import partial
from typing import TYPE_CHECKING

import pytest

from engine_ci.engine import patience
from engine_ci.errors import Exit
from engine_ci.gate import asking
from tests.faults import proxy
from tests.unit.cli.command import CommandLine, app_in

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.engine

SUITES_THAT_ASK = ("--suite", "chat", "--suite", "lifecycle", "--suite", "memory")
ILLEGAL = "import os, signal; os.kill(os.getpid(), signal.SIGILL)"
GARBAGE = """
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
class Garbage(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'{"status": "ok"}' if self.path == "/health" else b"<html>")
    def log_message(self, *_): pass
if "--help" not in sys.argv:
    port = int(sys.argv[sys.argv.index("--port") + 1])
    HTTPServer(("127.0.0.1", port), Garbage).serve_forever()
"""
# Healthy and polite, like a server that was started to choose among models: it has none of ours.
ROUTER = GARBAGE.replace(
    'b"<html>"',
    """(b'{"model_path": "", "total_slots": 0,'
    b' "build_info": "b1-0", "chat_template": "", "role": "router"}')""",
)


@pytest.fixture
def run(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> CommandLine:
    monkeypatch.chdir(app_in(tmp_path))
    return CommandLine(capsys)


def program(folder: Path, text: str) -> Path:
    """A folder with a small Python program that calls itself llama-server."""
    folder.mkdir()
    server = folder / "llama-server"
    server.write_text(f"#!/usr/bin/env python3\n{text}", encoding="utf-8")
    server.chmod(0o755)
    return folder


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        pytest.param(ILLEGAL, "died of SIGILL (illegal instruction)", id="illegal-instruction"),
        pytest.param("raise SystemExit(3)", "ended with status 3", id="exits-at-once"),
        pytest.param(GARBAGE, "GET /props", id="answers-garbage"),
        pytest.param(ROUTER, "/props names another model", id="ready-without-a-model"),
    ],
)
def test_a_program_that_is_no_engine_fails_the_gate_with_the_reason(
    run: CommandLine, tmp_path: Path, text: str, reason: str
) -> None:
    folder = program(tmp_path / "bad", text)

    ran = run("gate", "--candidate", str(folder), "--suite", "loads", "--json")

    checks = json.loads(ran.out)["checks"]
    assert ran.status == Exit.GATE_SAYS_NO
    assert any(check["status"] == "fail" and reason in check["observed"] for check in checks)


def test_an_engine_that_ignores_the_request_to_stop_fails_the_gate(
    run: CommandLine, tmp_path: Path, mineru: Callable[[str], Path]
) -> None:
    real = mineru("0.1.3") / "bin" / "llama-server"
    folder = proxy.plant(tmp_path / "bad", server=real, fault="ignores-sigterm")

    ran = run("gate", "--candidate", str(folder), "--suite", "lifecycle")

    assert ran.status == Exit.GATE_SAYS_NO
    assert "Failed: lifecycle/stops" in ran.out


def test_an_engine_that_hangs_is_waited_for_once_and_named(
    run: CommandLine, tmp_path: Path, mineru: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    real = mineru("0.1.3") / "bin" / "llama-server"
    folder = proxy.plant(tmp_path / "bad", server=real, fault="hangs-after", argument="20")
    monkeypatch.setattr(patience, "WINDOW_S", 1.0)
    begin = time.monotonic()

    ran = run("gate", "--candidate", str(folder), *SUITES_THAT_ASK, "--json")

    checks = {check["id"]: check for check in json.loads(ran.out)["checks"]}
    failed = [check for check in checks.values() if check["status"] == "fail"]
    assert ran.status == Exit.GATE_SAYS_NO
    # Models are asked side by side, one a core, so that several hang before the first is known to.
    models = [check["id"].split("/")[1] for check in failed]
    assert 1 <= len(models) == len(set(models))
    for check in failed:
        assert re.search(r"no whole answer within \d\.\d s", check["observed"])
    # Its suite runs beside the others, and may begin after they know.
    growth = checks["memory/growth"]
    assert growth["status"] == "fail" or "has hung with" in growth["observed"]
    assert "has hung with" in checks["memory/growth-app"]["observed"]
    assert time.monotonic() - begin < 60


def test_an_engine_that_never_gets_ready_fails_the_gate(
    run: CommandLine, tmp_path: Path, mineru: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    real = mineru("0.1.3") / "bin" / "llama-server"
    # One model only: of two that are asked side by side, either may be the first to be given up.
    folder = proxy.plant(
        tmp_path / "bad", server=real, fault="never-ready-with", argument="stable.gguf"
    )
    monkeypatch.setattr(asking, "launch", partial(asking.launch, ready_timeout_s=2.0))

    ran = run("gate", "--candidate", str(folder), "--suite", "loads", "--suite", "tokens")

    assert ran.status == Exit.GATE_SAYS_NO
    assert "Failed: loads/stable" in ran.out
    assert "was not ready with stable in time" in ran.out
