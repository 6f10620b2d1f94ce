from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from engine_ci.config import Config
from engine_ci.errors import RecordError, UnsupportedError, UsageError, VerificationError
from engine_ci.gate import setup, zoo
from engine_ci.pins.model import Commit
from engine_ci.records.bundle import Bundle, BundleFile, Provenance
from engine_ci.records.gate import MOST_FILES, Closure, EngineFile, Status
from engine_ci.system import documents

if TYPE_CHECKING:
    from pathlib import Path

    from engine_ci.gate.context import Context, LocatedModel
    from engine_ci.gate.zoo import WheelMember
    from engine_ci.pins.model import Platform
    from engine_ci.records.gate import Check

CONFIG = Config(schema=1, pins=("pins/llama.cpp.yaml",), platforms=("ubuntu-x64",))
HELP = "#!/bin/sh\necho '-m, --model FNAME  the model'\necho '-c, --ctx-size N  tokens'\n"
BROKEN = "#!/bin/sh\necho illegal instruction >&2\nexit 4\n"
NO_MODEL = HELP + 'case "$1" in --help) ;; *) echo "no backends are loaded" >&2; exit 1 ;; esac\n'


def never(_: WheelMember) -> Path:
    raise AssertionError


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, LocatedModel]:
    shipped = [model for model in zoo.load_catalogue() if model.role == "stable"]
    found, _ = setup.located(shipped, cache=tmp_path_factory.mktemp("cache"), fetch=never)
    return found


def engine(folder: Path, script: str, *, where: str = "bin") -> Path:
    """A folder with a program of that name in it."""
    program = folder / where / "llama-server"
    program.parent.mkdir(parents=True)
    program.write_text(script)
    program.chmod(0o755)
    return folder


def bundle(folder: Path) -> Bundle:
    """The record of such a folder, written into it."""
    program = folder / "bin" / "llama-server"
    digest = documents.sha256_of(program)
    size = program.stat().st_size
    record = Bundle(
        schema=1,
        pin="demo",
        adapter="llama-server",
        platform="ubuntu-x64",
        version="0.1.3",
        build=11194,
        commit=Commit(id="86a2835", abbreviated=True),
        provenance={
            "ubuntu-x64": Provenance(
                source="package-index:demo",
                asset="demo.whl",
                size=size,
                published_sha256=digest,
                measured_sha256=digest,
            )
        },
        server="bin/llama-server",
        files=(
            BundleFile(
                path="bin/llama-server", kind="server", size=size, sha256=digest, why="is started"
            ),
        ),
        system_libraries=("libc.so.6",),
        tree_sha256="e" * 64,
    )
    documents.write(folder / "bundle.json", documents.dump_json(record))
    return record


def context_for(
    candidate: Path,
    models: dict[str, LocatedModel],
    *,
    baseline: Path | None = None,
    platform: Platform = "ubuntu-x64",
    config: Config = CONFIG,
    package: str | None = None,
) -> tuple[Context, tuple[Check, ...]]:
    return setup.context_for(
        candidate,
        baseline=baseline,
        platform=platform,
        models=models,
        config=config,
        logs=candidate.parent,
        seed=7,
        package=package,
    )


def test_of_a_bundle_the_facts_are_what_was_recorded(
    tmp_path: Path, models: dict[str, LocatedModel]
) -> None:
    folder = engine(tmp_path / "candidate", HELP)
    record = bundle(folder)

    context, _ = context_for(folder, models)

    facts = context.candidate.facts
    assert context.candidate.server.program == folder / "bin" / "llama-server"
    assert (facts.pin, facts.version, facts.build) == ("demo", "0.1.3", 11194)
    assert (facts.commit, facts.tree_sha256) == (record.commit, "e" * 64)
    assert facts.flags == ("--ctx-size", "--model", "-c", "-m")
    (file,) = record.files
    assert facts.closure == Closure(
        size=file.size,
        files=(EngineFile(path=file.path, kind="server", size=file.size, sha256=file.sha256),),
        system_libraries=("libc.so.6",),
    )


@pytest.mark.parametrize("role", ["candidate", "baseline"])
@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("bin/llama-server", "names other bytes"),
        ("bin/libggml-more.so", "does not name it"),
        ("bin/libggml.so", "names it, and it is not there"),
    ],
)
def test_a_bundle_that_is_not_as_recorded_is_never_started(
    tmp_path: Path, models: dict[str, LocatedModel], role: str, path: str, told: str
) -> None:
    started = tmp_path / "started"
    folders = {
        each: engine(tmp_path / each, f"#!/bin/sh\ntouch {started}\n")
        for each in ("candidate", "baseline")
    }
    record = bundle(folders[role])
    if told.startswith("names it"):
        lost = record.files[0].model_copy(update={"path": path, "kind": "library"})
        more = record.model_copy(update={"files": (*record.files, lost)})
        documents.write(folders[role] / "bundle.json", documents.dump_json(more))
    else:
        with (folders[role] / path).open("a") as file:
            file.write("# otherwise\n")

    with pytest.raises(VerificationError, match=told) as refused:
        context_for(
            folders["candidate"],
            models,
            baseline=folders["baseline"] if role == "baseline" else None,
        )

    assert str(folders[role] / path) in refused.value.message
    assert not started.exists()


@pytest.mark.parametrize("here", ["macos-arm64", "windows-x64"])
def test_a_bundle_for_another_system_is_not_gated(
    tmp_path: Path, models: dict[str, LocatedModel], here: Platform
) -> None:
    folder = engine(tmp_path / "candidate", HELP)
    bundle(folder)

    with pytest.raises(UnsupportedError, match=f"for ubuntu-x64, which {here} cannot start"):
        context_for(folder, models, platform=here)


def test_of_any_other_folder_only_its_bytes_are_known(
    tmp_path: Path, models: dict[str, LocatedModel]
) -> None:
    context, _ = context_for(engine(tmp_path / "folder", HELP), models, platform="macos-arm64")

    facts = context.candidate.facts
    assert (facts.pin, facts.version, facts.build, facts.commit) == (
        "unknown", "unknown", None, None,
    )  # fmt: skip
    assert (facts.platform, facts.adapter) == ("macos-arm64", "llama-server")
    assert facts.closure is not None
    assert [(file.path, file.kind, file.size) for file in facts.closure.files] == [
        ("bin/llama-server", None, len(HELP))
    ]


def test_folders_that_are_called_by_the_versions_of_a_package_have_their_names(
    tmp_path: Path, models: dict[str, LocatedModel], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(setup, "why_not", lambda *_, **__: "")
    candidate, baseline = (engine(tmp_path / version, HELP) for version in ("0.1.3", "0.1.2"))

    context, _ = context_for(candidate, models, baseline=baseline, package="demo")

    assert context.baseline is not None
    facts = (context.candidate.facts, context.baseline.facts)
    assert [(each.pin, each.version) for each in facts] == [("demo", "0.1.3"), ("demo", "0.1.2")]


def test_of_a_folder_with_very_many_files_the_largest_are_listed(
    tmp_path: Path, models: dict[str, LocatedModel]
) -> None:
    folder = engine(tmp_path / "folder", HELP)
    for number in range(MOST_FILES):
        (folder / f"{number:03}").write_text("a" * (number % 2))

    context, _ = context_for(folder, models)

    found = context.candidate.facts.closure
    assert found is not None
    assert found.size == len(HELP) + MOST_FILES // 2
    assert (len(found.files), found.left_out) == (MOST_FILES, 1)
    assert "198" not in {file.path for file in found.files}
    assert [file.path for file in found.files] == sorted(file.path for file in found.files)


def test_both_engines_are_of_the_kind_that_was_asked_for(
    tmp_path: Path, models: dict[str, LocatedModel]
) -> None:
    folders = {name: tmp_path / name for name in ("candidate", "baseline")}
    for folder in folders.values():
        (folder / "xllamacpp").mkdir(parents=True)
        (folder / "xllamacpp" / "__init__.py").write_text("class CommonParams:\n    port = 0\n")

    context, (missing,) = setup.context_for(
        folders["candidate"],
        baseline=folders["baseline"],
        adapter="xllamacpp",
        platform="ubuntu-x64",
        models=models,
        config=CONFIG,
        logs=tmp_path,
        seed=7,
    )

    facts = context.candidate.facts
    assert (facts.adapter, facts.flags) == ("xllamacpp", ("--port",))
    assert "unknown argument: -m" in missing.observed


def test_equal_folders_are_equal_engines_and_a_moved_or_changed_file_makes_another(
    tmp_path: Path, models: dict[str, LocatedModel]
) -> None:
    folders = {
        "first": engine(tmp_path / "first", HELP),
        "copy": engine(tmp_path / "copy", HELP),
        "moved": engine(tmp_path / "moved", HELP, where="lib"),
        "changed": engine(tmp_path / "changed", HELP + "\n"),
    }

    trees = {
        name: context_for(folder, models)[0].candidate.facts.tree_sha256
        for name, folder in folders.items()
    }

    assert trees["copy"] == trees["first"]
    assert len(set(trees.values())) == 3


def test_a_candidate_that_cannot_print_its_help_is_still_asked(
    tmp_path: Path, models: dict[str, LocatedModel]
) -> None:
    context, _ = context_for(engine(tmp_path / "candidate", BROKEN), models)

    assert context.candidate.facts.flags == ()


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        pytest.param(BROKEN, "--help", id="no help"),
        pytest.param(NO_MODEL, "no backends are loaded|status 1", id="no model"),
    ],
)
def test_a_baseline_that_cannot_run_is_left_out_and_the_reason_is_said(
    script: str, reason: str, tmp_path: Path, models: dict[str, LocatedModel]
) -> None:
    context, (check,) = context_for(
        engine(tmp_path / "candidate", HELP),
        models,
        baseline=engine(tmp_path / "baseline", script),
    )

    assert context.baseline is None
    assert (check.id, check.status) == ("setup/baseline", Status.SKIP)
    assert check.observed.startswith("the baseline does not run with stable: ")
    assert any(part in check.observed for part in reason.split("|"))


def test_a_baseline_that_was_not_given_is_said_to_be_missing(
    tmp_path: Path, models: dict[str, LocatedModel]
) -> None:
    context, (check,) = context_for(engine(tmp_path / "candidate", HELP), models)

    assert context.baseline is None
    assert (check.status, check.observed) == (Status.SKIP, "no baseline was given")


@pytest.mark.parametrize("argv", [None, ("-m", "{model}", "--port", "{port}", "-c", "7")])
def test_the_baseline_is_started_with_arguments_of_its_own_where_they_were_others(
    tmp_path: Path,
    models: dict[str, LocatedModel],
    monkeypatch: pytest.MonkeyPatch,
    argv: tuple[str, ...] | None,
) -> None:
    monkeypatch.setattr(setup, "why_not", lambda *_, **__: "")

    context, _ = setup.context_for(
        engine(tmp_path / "candidate", HELP),
        baseline=engine(tmp_path / "baseline", HELP),
        baseline_argv=argv,
        platform="ubuntu-x64",
        models=models,
        config=CONFIG,
        logs=tmp_path,
        seed=7,
    )

    assert context.candidate.app_argv == CONFIG.engine.argv
    assert context.baseline is not None
    assert context.baseline.app_argv == (argv or CONFIG.engine.argv)


def test_whoever_knows_why_there_is_no_baseline_says_it(
    tmp_path: Path, models: dict[str, LocatedModel]
) -> None:
    _, (check,) = setup.context_for(
        engine(tmp_path / "candidate", HELP),
        baseline=None,
        no_baseline="it is the first commit",
        platform="ubuntu-x64",
        models=models,
        config=CONFIG,
        logs=tmp_path,
        seed=7,
    )

    assert check.observed == "it is the first commit"


def test_the_app_decides_its_arguments_and_the_limit_of_speed(
    tmp_path: Path, models: dict[str, LocatedModel]
) -> None:
    config = CONFIG.model_validate(
        CONFIG.model_dump(by_alias=True)
        | {
            "engine": {"argv": ["-m", "{model}", "--port", "{port}", "-c", "99"]},
            "gate": {"performance": {"limit": 0.9}},
        }
    )

    context, _ = context_for(engine(tmp_path / "candidate", HELP), models, config=config)

    assert context.candidate.app_argv[-1] == "99"
    assert context.performance.limit == 0.9
    assert context.goldens.is_dir()
    assert (context.models, context.seed) == (models, 7)


@pytest.mark.parametrize("role", ["candidate", "baseline"])
def test_a_folder_without_an_engine_is_refused(
    role: str, tmp_path: Path, models: dict[str, LocatedModel]
) -> None:
    (tmp_path / "empty").mkdir()
    folders = {
        "candidate": engine(tmp_path / "candidate", HELP),
        "baseline": engine(tmp_path / "baseline", HELP),
    } | {role: tmp_path / "empty"}

    with pytest.raises(UsageError, match="expected one `llama-server`"):
        context_for(folders["candidate"], models, baseline=folders["baseline"])


def test_a_record_that_does_not_fit_is_refused(
    tmp_path: Path, models: dict[str, LocatedModel]
) -> None:
    folder = engine(tmp_path / "candidate", HELP)
    (folder / "bundle.json").write_text("{}")

    with pytest.raises(RecordError, match=r"bundle\.json"):
        context_for(folder, models)


def test_models_are_located_by_name_and_verified(
    tmp_path: Path, models: dict[str, LocatedModel]
) -> None:
    (model,) = (model for model in zoo.load_catalogue() if model.name == "stable")
    damaged = model.model_copy(update={"sha256": "0" * 64})

    assert models["stable"].path.read_bytes().startswith(b"GGUF")
    with pytest.raises(VerificationError, match="model stable"):
        setup.located([damaged], cache=tmp_path, fetch=never)
