from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from benchmarks import llama_cpp_python
from engine_ci.system import pip

if TYPE_CHECKING:
    from collections.abc import Sequence


class Pip:
    """Stands in for pip: what it was asked, and a package where it was to be."""

    def __init__(self) -> None:
        self.asked: list[list[str]] = []
        self.wanted: list[str] = []

    def run(self, arguments: Sequence[str | Path], *, timeout_s: float = 1.0) -> str:
        assert timeout_s > 0
        words = [str(argument) for argument in arguments]
        self.asked.append(words)
        if "-r" in words:
            self.wanted.append(Path(words[words.index("-r") + 1]).read_text())
        folder = Path(words[words.index("--target") + 1])
        (folder / "llama_cpp").mkdir(parents=True, exist_ok=True)
        return ""


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Pip:
    found = Pip()
    monkeypatch.setattr(pip, "run", found.run)
    monkeypatch.setattr(llama_cpp_python, "CACHE", tmp_path / "cache")
    return found


def test_it_is_built_once_with_its_digest_and_flags(asked: Pip) -> None:
    assert llama_cpp_python.built() is None
    folder = llama_cpp_python.ensure()

    assert llama_cpp_python.ensure() == folder == llama_cpp_python.built()
    package, needs = asked.asked
    assert {"--require-hashes", "--no-cache-dir"} < set(package)
    assert "--only-binary=:all:" in needs
    (wanted,) = asked.wanted
    assert wanted.startswith("llama-cpp-python==0.3.36 --hash=sha256:832db069")
    assert "cmake.args=-DCMAKE_BUILD_TYPE=Release;-DGGML_NATIVE=OFF;" in wanted


def test_what_a_run_left_that_was_killed_is_no_build(asked: Pip) -> None:
    partial = llama_cpp_python.ensure().rename(
        llama_cpp_python.CACHE / f"{llama_cpp_python.key()}.partial"
    )
    (partial / "half").touch()

    assert llama_cpp_python.built() is None
    assert not (llama_cpp_python.ensure() / "half").exists()
    assert len(asked.asked) == 4


def test_other_flags_are_another_build(monkeypatch: pytest.MonkeyPatch) -> None:
    before = llama_cpp_python.key()
    monkeypatch.setattr(llama_cpp_python, "FLAGS", ("-DGGML_AVX512=ON",))

    assert llama_cpp_python.key() != before
