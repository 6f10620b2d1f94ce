"""What a repository tells of two builds, by way of a real git."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from engine_ci.config import Wanted
from engine_ci.pins.model import Commit
from engine_ci.records.upstream import Missed, Names, Range, Unavailable
from engine_ci.releases import features, news, upstream
from engine_ci.releases.relevance import Shipped
from engine_ci.system import history
from tests.unit.releases import build
from tests.unit.system import origin

if TYPE_CHECKING:
    from pathlib import Path

    from engine_ci.pins.model import Pin
    from engine_ci.records.upstream import Upstream
    from tests.unit.system.origin import Origin

LINUX = Shipped(platforms=frozenset(["ubuntu-x64"]), backends=frozenset(["cpu"]))


def source(*, architectures: str, formats: str) -> dict[str, str]:
    """The two files that lists are read from, with one name for each letter."""
    listed = "".join(f'    {{ LLM_ARCH_{name}, "arch-{name}" }},\n' for name in architectures)
    called = "".join(f"    common_chat_params_init_{name}(x);\n" for name in formats)
    return {
        features.ARCHITECTURES: f"const map LLM_ARCH_NAMES = {{\n{listed}}};\n",
        features.CHAT_FORMATS: called,
    }


class World:
    """A repository, and a pin of its first build."""

    def __init__(self, origin: Origin, cache: Path) -> None:
        self.origin = origin
        self.cache = cache
        origin.commit("llama : start", source(architectures="AB", formats="xy"))
        self.pin = self.pinned(origin.tag("b1001")[:9])

    def pinned(self, commit: str) -> Pin:
        return build.pin().model_copy(update={"commit": Commit(id=commit, abbreviated=True)})

    def ask(self, number: int | None = None, *, commit: Commit | None = None) -> Upstream:
        return upstream.ask(
            self.pin,
            address=self.origin.address,
            cache=self.cache,
            shipped=LINUX,
            build=number,
            commit=commit,
        )

    def noise(self, number: int) -> str | None:
        return news.read(self.ask(number), wanted=Wanted()).noise


@pytest.fixture
def world(tmp_path: Path, home: Path) -> World:
    return World(origin.make(tmp_path, home), tmp_path / "cache")


def found(answer: Upstream) -> Range:
    assert isinstance(answer.range, Range)
    return answer.range


def reason(answer: object) -> str:
    assert isinstance(answer, Unavailable)
    return answer.reason


def test_every_commit_of_the_range_is_told_with_module_and_relevance(world: World) -> None:
    world.origin.commit("server : faster (#7)", {"tools/server/server.cpp": "1"})
    world.origin.commit("vulkan : faster (#8)", {"ggml/src/ggml-vulkan/a.cpp": "1"})
    world.origin.tag("b1003")
    world.origin.commit("later")

    commits = found(world.ask(1003)).commits

    assert [(each.subject, each.module, each.relevant) for each in commits] == [
        ("vulkan : faster (#8)", "vulkan", False),
        ("server : faster (#7)", "server", True),
    ]


def test_a_subject_without_end_is_cut(world: World) -> None:
    world.origin.commit("x" * 5000)
    world.origin.tag("b1002")

    (commit,) = found(world.ask(1002)).commits

    assert commit.subject == "x" * 300


def test_architectures_and_chat_formats_are_compared_at_both_ends(world: World) -> None:
    world.origin.commit("model : more", source(architectures="BC", formats="yz"))
    world.origin.tag("b1002")

    changed = found(world.ask(1002))

    assert changed.architectures == Names(gained=("arch-C",), lost=("arch-A",))
    assert changed.chat_formats == Names(gained=("z",), lost=("x",))


def test_what_the_pinned_engine_misses_is_held_against_the_newest_commit(world: World) -> None:
    world.origin.commit("model : more", source(architectures="ABCD", formats="x"))

    missed = world.ask().missed

    assert isinstance(missed, Missed)
    assert missed.architectures == ("arch-C", "arch-D")


def test_a_commit_that_the_source_tells_goes_before_a_build_number(world: World) -> None:
    tip = world.origin.commit("server : faster (#7)", {"tools/server/server.cpp": "1"})

    changed = found(world.ask(9999, commit=Commit(id=tip[:8], abbreviated=True)))

    assert (changed.new, len(changed.commits)) == (tip, 1)


def test_the_same_commit_packaged_again_has_no_commits(world: World) -> None:
    assert found(world.ask(commit=world.pin.commit)).commits == ()


def test_a_build_without_a_tag_is_unknown_and_not_empty(world: World) -> None:
    assert reason(world.ask(1002).range) == "couldn't find remote ref refs/tags/b1002"


def test_without_build_and_commit_there_is_nothing_to_compare(world: World) -> None:
    assert reason(world.ask().range) == "no build and no commit is known to compare the pin with"


def test_a_pin_of_another_repository_is_unknown(world: World) -> None:
    world.pin = world.pinned("0123456789")

    answer = world.ask(1001)

    assert reason(answer.range).endswith("has no commit 0123456789, or more than one")
    assert reason(answer.missed) == reason(answer.range)


def test_a_build_before_the_pinned_one_is_unknown(world: World) -> None:
    world.pin = world.pinned(world.origin.commit("later")[:9])

    assert "does not come after" in reason(world.ask(1001).range)


@pytest.mark.parametrize("code", [None, "upstream writes it otherwise now"])
def test_lists_in_another_form_are_unknown_and_the_commits_known(
    world: World, code: str | None
) -> None:
    file = world.origin.path / features.ARCHITECTURES
    file.unlink() if code is None else file.write_text(code)
    tip = world.origin.commit("llama : move")
    world.origin.tag("b1002")

    answer = world.ask(1002)

    expected = f"src/llama-arch.cpp of the commit {tip} does not list them as expected"
    assert reason(found(answer).architectures) == expected == reason(answer.missed)
    assert found(answer).chat_formats == Names()
    assert len(found(answer).commits) == 1


def test_a_repository_that_is_gone_is_said_with_the_words_of_git(world: World) -> None:
    shutil.move(world.origin.path, f"{world.origin.path}-moved")

    answer = world.ask(1002)

    assert "does not appear to be a git repository" in reason(answer.range)
    assert answer.missed == answer.range
    assert answer.repository == world.origin.address


def test_known_regressions_are_told_without_a_repository(tmp_path: Path) -> None:
    answer = upstream.ask(build.pin(), address=None, cache=tmp_path, shipped=LINUX, build=10446)

    assert [each.first for each in answer.regressions] == [9978, 10429]
    assert (answer.repository, answer.range, answer.missed) == (
        None,
        upstream.NOT_ASKED,
        upstream.NOT_ASKED,
    )
    assert list(tmp_path.iterdir()) == []


def test_a_range_that_stays_out_of_the_bundle_is_noise(world: World) -> None:
    world.origin.commit("vulkan : faster", {"ggml/src/ggml-vulkan/a.cpp": "1"})
    world.origin.commit("tests : more", {"tests/a.cpp": "1"})
    world.origin.tag("b1003")
    world.origin.commit("server : faster", {"tools/server/server.cpp": "1"})
    world.origin.tag("b1004")

    assert world.noise(1003) == "none of its 2 commits reaches the app's bundle"
    assert world.noise(1004) is None


def test_a_commit_without_any_file_reaches_no_bundle(world: World) -> None:
    world.origin.commit("nothing")
    world.origin.tag("b1002")

    assert [each.relevant for each in found(world.ask(1002)).commits] == [False]


def test_a_range_that_is_not_known_is_no_noise(world: World) -> None:
    assert world.noise(1009) is None


def test_a_range_that_cannot_be_read_whole_is_no_noise(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "MOST_COMMITS", 1)
    world.origin.commit("tests : more", {"tests/a.cpp": "1"})
    world.origin.tag("b1002")
    world.origin.commit("tests : more", {"tests/b.cpp": "1"})
    world.origin.tag("b1003")

    assert world.noise(1002) is not None
    assert world.noise(1003) is None


def test_the_same_commit_released_again_is_no_noise_by_its_range(world: World) -> None:
    world.origin.tag("b1002")

    assert found(world.ask(1002)).commits == ()
    assert world.noise(1002) is None
