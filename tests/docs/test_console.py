"""A page's commands are read as a person reads them, and what they do not say is told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.docs import console
from tests.docs.console import Ran, Step

if TYPE_CHECKING:
    from pathlib import Path

PAGE = """\
A sentence.

```console
$ echo one; \\
    echo two
one
…
$ false
```

1. A list:

    ```console
    $ echo $?
    1
    ```

<!-- not run: for a reason -->
```console
$ rm -r /
```
"""


def blocks(tmp_path: Path) -> list[console.Block]:
    page = tmp_path / "page.md"
    page.write_text(PAGE)
    return console.blocks(page, root=tmp_path)


def test_blocks_are_read_with_what_they_show_and_why_they_are_not_run(tmp_path: Path) -> None:
    first, second, third = blocks(tmp_path)

    assert first.steps == (
        Step(command="echo one; \\\n    echo two", shown=("one", "…")),
        Step(command="false", shown=()),
    )
    assert second.steps == (Step(command="echo $?", shown=("1",)),)
    assert [first.why, second.why, third.why] == [None, None, "for a reason"]


def test_commands_are_typed_into_one_shell(tmp_path: Path) -> None:
    steps = [step for block in blocks(tmp_path)[:2] for step in block.steps]

    ran = console.run(steps, at=tmp_path, environment={})

    assert [each.printed for each in ran] == ["one\ntwo\n", "", "1\n"]
    assert [each.status for each in ran] == [0, 1, 0]
    assert [each.missing() for each in ran] == [[], [], []]


def test_what_is_shown_and_not_said_is_told_in_its_order() -> None:
    step = Step(command="x", shown=("begin", "…", "b… end", "begin"))

    ran = Ran(step=step, printed="begin\nmiddle\nbe the end\n", status=0)

    assert ran.missing() == ["begin"]
