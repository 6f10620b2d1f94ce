"""What an app waits for."""

from __future__ import annotations

import pytest

from engine_ci.config import Wanted
from engine_ci.releases.wanted import arrived

COMMITS = [
    ("6b5224cfccdb0e5f6f0c2f6ddad0ee1bfb1e7b4a", "ci: fix pre-built binaries on macOS 15 (#26375)"),
    (
        "0d47ea742746c3c5d42a8ab3c8fb5ab9bb1d64a5",
        "mtmd: fix android build (#26150)\n\nfixes #26001",
    ),
]


@pytest.mark.parametrize(
    ("fix", "commit"),
    [
        ("26375", "6b5224cfc"),
        ("#26375", "6b5224cfc"),
        ("26001", "0d47ea742"),
        ("0d47ea7", "0d47ea742"),
        ("2637", None),
        ("6375", None),
        ("fffffff", None),
        ("47ea742", None),
    ],
)
def test_a_fix_is_known_by_its_whole_number_or_the_first_digits_of_its_commit(
    fix: str, commit: str | None
) -> None:
    found = arrived(Wanted(fixes=(fix,)), architectures=(), commits=COMMITS)

    assert found == ((f"the fix {fix} has arrived with {commit}",) if commit else ())


def test_an_architecture_is_known_by_its_name() -> None:
    wanted = Wanted(architectures=("qwen4", "llama5"))

    assert arrived(wanted, architectures={"qwen4", "qwen4moe"}, commits=()) == (
        "the architecture qwen4 has arrived",
    )


def test_who_waits_for_nothing_sees_nothing_arrive() -> None:
    assert arrived(Wanted(), architectures={"qwen4"}, commits=COMMITS) == ()
