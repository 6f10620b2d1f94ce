from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine_ci.bump import moves
from engine_ci.pins import store
from engine_ci.pins.model import GitHubReleases, Hold
from tests.unit.bump.test_named import TAGGED, app, ensuring, read
from tests.unit.pins.test_targets import pin

if TYPE_CHECKING:
    from engine_ci.bump.named import Named
    from engine_ci.records.change import Change

HEAD, BASE = "b" * 40, "a" * 40
BRANCH = "engine-ci/llama.cpp"
OLD, NEW = pin(11194), pin(11434)
PIN = "pins/0.yaml"


def state(build: int = 11194, *, ensure: str | None = None) -> Named:
    """An app whose pin and target name a build."""
    text = ensuring(f"b{build}") if ensure is None else ensure
    return read(app(TAGGED, pins=(pin(build),), ensure=text))


def decided(
    before: Named | None,
    after: Named,
    *files: str,
    branch: str | None = BRANCH,
) -> Change:
    return moves.decide(before, after, files=files, head=HEAD, base=BASE, branch=branch)


def test_a_bump_that_changes_its_pin_and_target_alone_has_no_strays() -> None:
    change = decided(state(), state(11434), "ensure.ts", PIN)

    assert (change.bump, change.pin_moved, change.strays) == (True, True, ())
    assert [(file.path, file.kind) for file in change.files] == [
        ("ensure.ts", "target"),
        (PIN, "pin"),
    ]
    (pin,) = change.pins
    assert (pin.name, pin.file, pin.before, pin.after) == ("llama.cpp", PIN, "b11194", "b11434")


def test_a_bump_that_touches_another_file_names_it() -> None:
    change = decided(state(), state(11434), "README.md", "ensure.ts", PIN)

    assert [(stray.path, stray.why) for stray in change.strays] == [
        ("README.md", "it is neither a pin nor a target")
    ]


def test_a_rollback_is_held_to_the_rule_of_a_bump() -> None:
    held = pin(11100).model_copy(update={"holds": (Hold(version="b11194", reason="crashes"),)})
    back = read(app(TAGGED, pins=(held,), ensure=ensuring("b11100")))

    change = decided(state(), back, "README.md", "ensure.ts", PIN, branch=f"{BRANCH}-rollback")

    assert (change.bump, change.pin_moved) == (True, True)
    assert [stray.path for stray in change.strays] == ["README.md"]


@given(st.sets(st.sampled_from(["ensure.ts", PIN]) | st.text(min_size=1, max_size=9)))
def test_whatever_else_a_bump_touches_is_a_stray(files: set[str]) -> None:
    change = decided(state(), state(11434), *sorted(files))

    assert [file.path for file in change.files] == sorted(files)
    assert {stray.path for stray in change.strays} == files - {"ensure.ts", PIN}


@pytest.mark.parametrize(
    "text",
    [
        ensuring("b11434") + "fetch('https://elsewhere.example');\n",
        ensuring("b11434", sha256="d" * 64),
        "// before it\n" + ensuring("b11434"),
    ],
)
def test_a_bump_changes_nothing_of_a_target_but_its_values(text: str) -> None:
    change = decided(state(), state(11434, ensure=text), "ensure.ts", PIN)

    (stray,) = change.strays
    assert (stray.path, stray.why) == (
        "ensure.ts",
        "more of it changed than the values of the pin",
    )


def test_a_target_may_only_move_with_its_pin() -> None:
    change = decided(state(), state(ensure=ensuring("b11434")), "ensure.ts")

    assert change.pin_moved
    assert [stray.path for stray in change.strays] == ["ensure.ts"]


def test_where_the_values_were_others_before_a_bump_leaves_them() -> None:
    before, after = state(ensure=ensuring("b9")), state(11434)

    assert [stray.path for stray in decided(before, after, PIN).strays] == ["ensure.ts"]
    unchanged = state(11434, ensure=ensuring("b9"))
    assert decided(before, unchanged, PIN).strays == ()


def test_a_bump_does_not_change_where_the_engine_comes_from() -> None:
    elsewhere = GitHubReleases(kind="github-releases", repository="somebody/llama.cpp")
    other = NEW.model_copy(update={"source": elsewhere})
    before, after = read(app()), read(app(pins=(other,)))

    (stray,) = decided(before, after, PIN).strays

    assert stray.path == PIN
    assert stray.why == "the engine is of another kind, or comes from elsewhere"


def test_a_bump_without_a_state_before_it_proves_nothing() -> None:
    change = decided(None, state(11434))

    assert change.pin_moved
    assert [stray.path for stray in change.strays] == [PIN]


@pytest.mark.parametrize("branch", [None, "fix-typo"])
def test_any_other_branch_may_touch_everything(branch: str | None) -> None:
    change = decided(state(), state(11434), "README.md", PIN, branch=branch)

    assert (change.bump, change.pin_moved, change.strays) == (False, True, ())


def test_a_bump_cannot_say_of_itself_that_it_is_none() -> None:
    files = app(pins=(NEW,))
    files["engine-ci.yaml"] += "pull_request: {branch: elsewhere}\n"

    change = decided(read(app()), read(files), "engine-ci.yaml", PIN)

    assert change.bump
    assert [stray.path for stray in change.strays] == ["engine-ci.yaml"]


def test_a_hold_and_another_form_of_the_same_words_move_nothing() -> None:
    held = OLD.model_copy(update={"holds": (Hold(version="b11200", reason="crashes"),)})
    files = app(pins=(held,))
    files[PIN] = "# a comment\n" + files[PIN].replace("name: llama.cpp", "name: 'llama.cpp'")

    change = decided(read(app()), read(files), PIN, branch=None)

    assert not change.pin_moved
    assert [pin.moved for pin in change.pins] == [False]


@pytest.mark.parametrize(
    "changes",
    [
        {"version": "b11195", "build": 11195},
        {"rebuild": 1},
        {"commit": {"id": "86a2835", "abbreviated": True}},
        {
            "platforms": {
                "macos-arm64": OLD.platforms["macos-arm64"].model_copy(update={"sha256": "b" * 64})
            }
        },
        {"platforms": {**OLD.platforms, "macos-x64": OLD.platforms["macos-arm64"]}},
        {"name": "renamed"},
    ],
)
def test_a_version_a_commit_a_hash_or_a_name_is_a_move(changes: dict[str, object]) -> None:
    other = type(OLD).model_validate(OLD.model_dump() | changes)

    change = decided(read(app()), read(app(pins=(other,))), PIN, branch=None)

    assert change.pin_moved


def test_a_pin_that_is_renamed_is_gone_and_new() -> None:
    renamed = OLD.model_copy(update={"name": "engine"})

    change = decided(read(app()), read(app(pins=(renamed,))), PIN, branch=None)

    assert [(pin.name, pin.before, pin.after, pin.moved) for pin in change.pins] == [
        ("engine", None, "b11194", True),
        ("llama.cpp", "b11194", None, True),
    ]


def test_a_pin_file_that_is_renamed_holds_the_same_engine() -> None:
    files = app()
    files["pins/engine.yaml"] = files.pop(PIN)
    files["engine-ci.yaml"] = files["engine-ci.yaml"].replace(PIN, "pins/engine.yaml")

    change = decided(read(app()), read(files), PIN, "pins/engine.yaml", branch=None)

    assert not change.pin_moved
    assert {file.kind for file in change.files} == {"pin"}
    assert [pin.file for pin in change.pins] == ["pins/engine.yaml"]


def test_of_several_pins_the_one_that_moves_takes_its_target_along() -> None:
    def both(build: int) -> Named:
        other = pin(10).model_copy(update={"name": "other"})
        return read(app(TAGGED, pins=(pin(build), other), ensure=ensuring(f"b{build}")))

    change = decided(both(11194), both(11434), "ensure.ts", PIN)

    assert change.strays == ()
    assert [(pin.name, pin.moved) for pin in change.pins] == [("llama.cpp", True), ("other", False)]


def test_what_another_bot_moves_in_a_target_moves_the_engine() -> None:
    stale, newer = state(ensure=ensuring("b11300")), state(ensure=ensuring("b11434"))

    moved = decided(stale, newer, "ensure.ts", branch="renovate/llama.cpp")
    again = decided(newer, newer, branch="fix-typo")

    assert [(pin.before, pin.after) for pin in moved.pins] == [("b11300", "b11434")]
    assert (moved.pin_moved, again.pin_moved) == (True, False)
    assert store.dump(OLD) == store.dump(next(iter(newer.pins.values())))
