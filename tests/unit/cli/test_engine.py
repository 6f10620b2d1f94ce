"""`engine-ci engine run`, with small programs as engines."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from engine_ci.cli import claim
from engine_ci.engine import reaper
from engine_ci.engine.adapters.contract import Capability
from engine_ci.engine.claims import Claim
from engine_ci.engine.restarts import Policy
from engine_ci.errors import Exit
from tests.unit.engine.conftest import Life, write_stand_in

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.unit.cli.command import CommandLine


@pytest.fixture
def life(tmp_path: Path) -> Iterator[Life]:
    made = Life(tmp_path / "life")
    yield made
    assert made.is_over()
    made.close()


@pytest.fixture
def interruptible() -> Iterator[None]:
    """What a shell starts in the background ignores SIGINT, as does all that this starts."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.gguf"
    path.write_bytes(b"GGUF" + bytes(20))
    return path


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    folder = tmp_path / "bundle"
    folder.mkdir()
    return folder


def told(out: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.splitlines()]


def states(out: str) -> list[str]:
    return [event["to"]["name"] for event in told(out) if "to" in event]


def steps(out: str) -> list[str]:
    """The states, and what became of the claim."""
    return [event["to"]["name"] if "to" in event else event["kind"] for event in told(out)]


@pytest.mark.usefixtures("interruptible")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_events_are_lines_on_stdout_and_a_signal_ends_the_engine(
    app: Path, bundle: Path, model: Path, life: Life, number: signal.Signals
) -> None:
    write_stand_in(bundle / "llama-server", life)
    with running(bundle, model) as command:
        assert command.stdout is not None
        first = [command.stdout.readline() for _ in range(3)]
        command.send_signal(number)
        rest = command.stdout.read()

    assert command.returncode == 128 + number
    assert steps("".join((*first, rest))) == [
        *("starting", "runtime.claim.acquired", "ready", "stopping", "stopped")
    ]
    (ready,) = told(first[2])
    assert ready["reason"].startswith("it answers at http://127.0.0.1:")
    assert (ready["kind"], ready["engine"]) == ("runtime.state.changed", "tiny")
    assert (app / ".engine-ci" / "engine-tiny.log").read_text().startswith("listening on ")


def test_when_nobody_reads_the_events_any_more_the_engine_ends(
    bundle: Path, model: Path, life: Life, app: Path
) -> None:
    crashes = "threading.Timer(0.1, os._exit, [1]).start()"
    write_stand_in(bundle / "llama-server", life, crashes)
    with running(bundle, model) as command:
        assert command.stdout is not None
        command.stdout.readline()
        command.stdout.close()

    assert command.returncode != 0
    assert life.is_over()
    assert app.is_dir()


def running(bundle: Path, model: Path, *more: str | Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "engine_ci", "engine", "run",
         "--bundle", bundle, "--model", model, *more],
        stdout=subprocess.PIPE,
        text=True,
    )  # fmt: skip


@pytest.mark.usefixtures("app")
def test_an_engine_that_fails_is_an_error_with_its_last_words(
    run: CommandLine, bundle: Path, model: Path, life: Life, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Policy, "backoff_s", lambda *_: 0.0)
    write_stand_in(bundle / "llama-server", life, "print('no room', flush=True); sys.exit(3)")

    ran = run("engine", "run", "--bundle", str(bundle), "--model", str(model))

    assert ran.status == Exit.GATE_SAYS_NO
    assert states(ran.out) == ["starting", "restarting"] * 3 + ["starting", "failed"]
    assert "its last line: no room" in ran.err


@pytest.mark.usefixtures("app")
def test_what_an_engine_wrote_that_crashed_is_kept_when_the_next_one_starts(
    run: CommandLine, bundle: Path, model: Path, life: Life, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Policy, "backoff_s", lambda *_: 0.0)
    write_stand_in(bundle / "llama-server", life, "print('I am', port, flush=True); sys.exit(3)")

    run("engine", "run", "--bundle", str(bundle), "--model", str(model))

    logs = [
        model.parent / "app/.engine-ci" / name for name in ("engine-tiny.log", "engine-tiny.log.1")
    ]
    last, one_before = (log.read_text() for log in logs)
    assert last.startswith("I am ")
    assert one_before.startswith("I am ")
    assert last != one_before


@pytest.mark.usefixtures("app")
def test_engines_of_who_is_gone_are_ended_first(
    run: CommandLine, bundle: Path, model: Path, life: Life, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reaper, "reap", lambda: (7, 9))
    write_stand_in(bundle / "llama-server", life)
    model.write_bytes(b"text")

    ran = run("engine", "run", "--bundle", str(bundle), "--model", str(model))

    assert ran.err.startswith(
        "ended process 7, an engine whose supervisor is gone\n"
        "ended process 9, an engine whose supervisor is gone\n"
    )


@pytest.mark.usefixtures("app")
def test_what_was_measured_is_kept_in_a_file(
    run: CommandLine,
    bundle: Path,
    model: Path,
    life: Life,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Policy, "backoff_s", lambda *_: 0.0)
    write_stand_in(bundle / "llama-server", life, "sys.exit(3)")
    file = model.with_name("engine.prom")

    run("engine", "run", "--bundle", str(bundle), "--model", str(model), "--metrics", str(file))

    assert 'runtime_restarts_total{engine="tiny"} 3.0' in file.read_text()
    assert 'runtime_health{engine="tiny",health="down"} 1.0' in file.read_text()


@pytest.mark.usefixtures("app")
def test_a_given_port_is_used(
    run: CommandLine, bundle: Path, model: Path, life: Life, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Policy, "backoff_s", lambda *_: 0.0)
    write_stand_in(bundle / "llama-server", life, "print(port, flush=True); sys.exit(3)")

    ran = run("engine", "run", "--bundle", str(bundle), "--model", str(model), "--port", "20123")

    assert "its last line: 20123" in ran.err


@pytest.mark.usefixtures("app")
def test_what_is_no_port_is_refused(run: CommandLine) -> None:
    ran = run("engine", "run", "--model", "it", "--port", "99999")

    assert ran.status == Exit.USAGE
    assert "--port" in ran.err


def test_an_app_that_asks_for_vectors_gets_an_engine_that_is_ready_when_it_makes_them(
    app: Path, bundle: Path, model: Path, life: Life
) -> None:
    config = app / "engine-ci.yaml"
    config.write_text(config.read_text().replace('"{port}"', '"{port}", "--embeddings"'))
    write_stand_in(bundle / "llama-server", life, _EMBEDS)
    with running(bundle, model) as command:
        assert command.stdout is not None
        lines = [command.stdout.readline() for _ in range(3)]
        command.send_signal(signal.SIGTERM)

    assert steps("".join(lines)) == ["starting", "runtime.claim.acquired", "ready"]


# A server of vectors, that generates nothing.
_EMBEDS = """
answers["/v1/embeddings"] = {"data": [{"embedding": [0.6, 0.8]}]}
status["/v1/embeddings"], status["/completion"] = 200, 500
"""


@pytest.mark.usefixtures("app")
def test_what_is_no_model_is_refused_before_anything_is_started(
    run: CommandLine, bundle: Path, model: Path, life: Life
) -> None:
    write_stand_in(bundle / "llama-server", life)
    model.write_bytes(b"text")

    ran = run("engine", "run", "--bundle", str(bundle), "--model", str(model))

    assert ran.status == Exit.GATE_SAYS_NO
    assert steps(ran.out) == ["starting", "runtime.claim.rejected", "not_spawning"]
    assert f"no engine is started: {model}: expected a GGUF file" in ran.err


# A server that has an option for slots, of 256 tokens each.
_SLOTS = """
if "--help" in sys.argv:
    print("--slots, -c N")
    sys.exit()
answers["/slots"] = [{"id": 0, "n_ctx": 256, "is_processing": False}]
"""


@pytest.mark.usefixtures("app")
def test_a_claim_may_be_in_a_file_and_is_told_of_in_order(
    bundle: Path, model: Path, life: Life, tmp_path: Path
) -> None:
    write_stand_in(bundle / "llama-server", life, _SLOTS)
    (bundle / "libggml-cpu.so").touch()
    file = tmp_path / "claim.yaml"
    file.write_text("{model: other.gguf, context: 256, features: [slots], accelerator: cuda}")
    with running(bundle, model, "--claim", file, "--fallback", "cpu") as command:
        assert command.stdout is not None
        lines = [command.stdout.readline() for _ in range(3)]
        command.send_signal(signal.SIGINT)

    assert steps("".join(lines)) == ["starting", "runtime.fallback.engaged", "ready"]
    engaged = told(lines[1])[0]
    assert (engaged["engine"], engaged["fallback"]) == ("tiny", "cpu")
    assert engaged["reasons"][0] == f"{bundle}: has no backend for cuda, found cpu"


@pytest.mark.usefixtures("app")
def test_a_claim_that_an_engine_does_not_meet_is_rejected_with_the_figure(
    run: CommandLine, bundle: Path, model: Path, life: Life
) -> None:
    write_stand_in(bundle / "llama-server", life, _SLOTS)

    ran = run(
        *("engine", "run", "--bundle", str(bundle), "--model", str(model)), *("--context", "512")
    )

    why = f"{bundle}: context: 512 tokens, and the engine's arguments give a slot 256"
    assert ran.status == Exit.GATE_SAYS_NO
    assert steps(ran.out) == ["starting", "runtime.claim.rejected", "not_spawning"]
    assert told(ran.out)[1]["reasons"] == [why]
    assert f"no engine is started: {why}" in ran.err


@pytest.mark.usefixtures("app")
def test_of_several_bundles_the_first_that_will_do_serves(
    run: CommandLine, bundle: Path, model: Path, life: Life, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Policy, "backoff_s", lambda *_: 0.0)
    (bundle / "a").mkdir()
    (bundle / "b").mkdir()
    write_stand_in(bundle / "a" / "llama-server", life).chmod(0o644)
    write_stand_in(bundle / "b" / "llama-server", life, "print('b', flush=True); sys.exit(3)")

    ran = run(
        *("engine", "run", "--bundle", str(bundle / "a"), "--bundle", str(bundle / "b")),
        *("--model", str(model)),
    )

    assert "its last line: b" in ran.err


@pytest.mark.usefixtures("app")
@pytest.mark.parametrize(
    ("wishes", "why"),
    [
        pytest.param((), "the claim's `model` is not as it should be", id="no-model"),
        pytest.param(
            ("--model", "it", "--context", "-1"), "the claim's `context` is not", id="context"
        ),
        pytest.param(
            ("--model", "it", "--feature", "poetry"), "the claim's `features` is not", id="feature"
        ),
        pytest.param(
            ("--model", "it", "--min-tokens-per-second", "0"),
            "the claim's `min_tokens_per_second` is not",
            id="speed",
        ),
        pytest.param(("--claim", "none.yaml"), "none.yaml: ", id="no-file"),
    ],
)
def test_a_claim_that_makes_no_sense_is_refused(
    run: CommandLine, wishes: tuple[str, ...], why: str
) -> None:
    ran = run("engine", "run", *wishes)

    assert ran.status == Exit.USAGE
    assert why in ran.err
    assert ("name the model with `--model`" in ran.err) is (wishes == ())


def test_the_model_of_a_claim_is_found_from_where_its_file_is(tmp_path: Path) -> None:
    file = tmp_path / "claim.yaml"
    file.write_text("{model: models/it.gguf, min_tokens_per_second: 5}")

    found = claim.wished(file, options={"context": 512, "features": [], "model": None})

    assert found == Claim(
        model=tmp_path / "models" / "it.gguf", min_tokens_per_second=5, context=512
    )


def test_the_claim_that_the_page_shows_in_a_file_is_the_one_that_it_shows_in_options(
    tmp_path: Path,
) -> None:
    page = (Path(__file__).parents[3] / "docs" / "claims.md").read_text()
    file = tmp_path / "claim.yaml"
    file.write_text(page.partition("```yaml\n")[2].partition("```")[0])
    shown = page.partition("$ engine-ci engine run ")[2].partition("```")[0].replace("\\\n", "")
    words = shown.split()
    options = dict(zip(words[::2], words[1::2], strict=True))

    assert claim.wished(file, options={}) == Claim(
        model=tmp_path / options["--model"],
        context=int(options["--context"]),
        features=frozenset({Capability(options["--feature"])}),
        accelerator=options["--accelerator"],
        fallback=options["--fallback"],
        min_tokens_per_second=float(options["--min-tokens-per-second"]),
    )


def test_an_option_overrides_a_file_with_0_too(tmp_path: Path) -> None:
    file = tmp_path / "claim.yaml"
    file.write_text("{model: it.gguf, context: 8192}")

    assert claim.wished(file, options={"context": 0}) == Claim(model=tmp_path / "it.gguf")


@pytest.mark.usefixtures("toy")
def test_without_a_bundle_the_pins_own_is_made_and_run(
    run: CommandLine, app: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Policy, "backoff_s", lambda *_: 0.0)

    ran = run("engine", "run", "--model", str(model))

    server = app / ".engine-ci" / "running" / "bin" / "llama-server"
    assert server.exists()
    assert ran.err.startswith("prepare 1.0: fetch\n")
    assert ran.status == Exit.GATE_SAYS_NO  # it is a toy
    assert states(ran.out)[0] == "starting"
