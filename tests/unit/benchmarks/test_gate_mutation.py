from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from benchmarks.gate import mutation
from benchmarks.gate.mutation import AREAS, Edit

if TYPE_CHECKING:
    from pathlib import Path

CODE = """\
static int sum(const int * values, int count) {
    int total = 0;
    for (int i = 0; i < count; i++) {
        total += values[i];
    }
    return total;
}
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A tree with every file that is drawn from."""
    for file in (file for files in AREAS.values() for file in files):
        path = tmp_path / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(CODE)
    return tmp_path


@pytest.mark.parametrize(
    ("line", "ways"),
    [
        ("    x = a < b;", {"    x = a <= b;", "    ;"}),
        ("    x = a + 1;", {"    x = a - 1;", "    x = a + 2;", "    ;"}),
        ("    s = cap*tanhf(s);", {"    s = cap/tanhf(s);", "    ;"}),
        ("    if (a && !b) {", {"    if (a || !b) {", "    if (!(a && !b)) {"}),
        ("    } else if (full) {", {"    } else if (!(full)) {"}),
        ("    return true;", {"    return false;"}),
        ("    cells[i].reset();", {"    ;"}),
        ("    this->seq_rm(id);  // as told", {"    ;"}),
        ('    text += "a < 1";', {'    text -= "a < 1";', "    ;"}),
        ("    const float * rows = nullptr;", set()),
        ("    const block_q4_0 * GGML_RESTRICT x = vx;", set()),
        ("    // a < b", set()),
        ("    GGML_ASSERT(a < b);", set()),
        ('    LLAMA_LOG_INFO("%d", a + b);', set()),
        ("    logits += 1;", {"    logits -= 1;", "    logits += 2;", "    ;"}),
        ("int total = 0;", set()),
        ("    int total = count;", set()),
        ("", set()),
    ],
)
def test_a_line_is_broken_in_these_ways(line: str, ways: set[str]) -> None:
    assert set(mutation.edits(line)) == ways


def test_a_number_gives_the_same_edit_of_its_area_again(root: Path) -> None:
    names = [(area, number) for area in AREAS for number in range(3)]
    drawn = [mutation.draw(*name, root=root) for name in names]

    assert drawn == [mutation.draw(*name, root=root) for name in names]
    assert all(edit.file in AREAS[area] for edit, (area, _) in zip(drawn, names, strict=True))
    assert {edit.before.strip() for edit in drawn} <= {
        "int total = 0;", "for (int i = 0; i < count; i++) {", "total += values[i];",
    }  # fmt: skip
    assert all(edit.after != edit.before for edit in drawn)


def edit(number: int, after: str) -> Edit:
    before = CODE.splitlines()[number - 1]
    return Edit("server", "src/unicode.cpp", number, before, after)


def test_an_edit_is_a_patch_that_git_applies(root: Path) -> None:
    text = mutation.patch(edit(4, "        total -= values[i];"), root=root)

    subprocess.run(["git", "apply"], cwd=root, input=text, text=True, check=True)
    after = (root / "src/unicode.cpp").read_text()
    assert after == CODE.replace("total +=", "total -=")


def test_an_edit_near_the_end_of_a_file_is_one_too(root: Path) -> None:
    text = mutation.patch(edit(6, "    return 0;"), root=root)

    subprocess.run(["git", "apply"], cwd=root, input=text, text=True, check=True)
    assert (root / "src/unicode.cpp").read_text() == CODE.replace("return total", "return 0")


@pytest.mark.parametrize(
    ("number", "stands_before"),
    [(2, "int total = 0;"), (4, "total += values[i];"), (6, "return total;"), (5, None), (7, None)],
)
def test_a_trap_stands_before_a_statement(
    root: Path, number: int, stands_before: str | None
) -> None:
    trap = mutation.trap(edit(number, ""), root=root)

    if stands_before is None:
        assert trap is None
    else:
        assert trap is not None
        assert trap.after.split("\n")[0] == "__builtin_trap();"
        assert trap.after.split("\n")[1].strip() == stands_before
        assert "+__builtin_trap();" in mutation.patch(trap, root=root)


def test_a_trap_stands_in_a_condition(root: Path) -> None:
    line = "    } else if (a < b) {"
    trap = mutation.trap(Edit("server", "src/unicode.cpp", 2, line, ""), root=root)

    assert trap is not None
    assert trap.after == "    } else if (__builtin_trap(), a < b) {"


def test_there_is_no_trap_within_a_statement(root: Path) -> None:
    (root / "src/unicode.cpp").write_text("    x = a\n      + b;\n")

    assert mutation.trap(Edit("server", "src/unicode.cpp", 2, "      + b;", ""), root=root) is None
