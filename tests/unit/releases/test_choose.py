from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

import pytest

from engine_ci.errors import PinError
from engine_ci.pins.model import Hold
from engine_ci.records.candidate import PublishedAsset, Refusal
from engine_ci.releases.model import Offer
from tests.unit.releases.build import choice, first_files, offer, pin, reasons, version, wheel

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine_ci.pins.model import Platform
    from engine_ci.records.candidate import Release

TODAY = date(2026, 11, 21)
NEWER = ("0.1.3", "0.1.4", "0.2.0")
CANDIDATE = "candidate; its source does not tell its age: no cooldown"


def refusals(*texts: str) -> list[Refusal]:
    return [Refusal(version=text, reason="aborts while loading") for text in texts]


def decide(
    *offers: Offer, holds: Sequence[Hold] = (), refused: Sequence[str] = ()
) -> tuple[Release | None, dict[str, str]]:
    """The choice, and the reasons by version."""
    made = choice(*offers, of=pin("0.1.2", holds=holds), refused=refusals(*refused))
    return made.chosen, reasons(made)


def test_the_newest_is_the_candidate_and_the_others_are_older() -> None:
    chosen, said = decide(offer("0.1.3"), offer("0.2.0"), offer("0.1.4"))

    assert chosen is not None
    assert chosen.version == "0.2.0"
    assert said == {
        "0.2.0": CANDIDATE,
        "0.1.4": "older than the candidate 0.2.0",
        "0.1.3": "older than the candidate 0.2.0",
    }


def test_the_candidate_carries_its_build_and_its_files() -> None:
    chosen, _ = decide(offer("2026.4.8672.1"))

    assert chosen is not None
    assert (chosen.build, chosen.rebuild) == (8672, 1)
    assert chosen.assets == first_files(offer("2026.4.8672.1"))


def test_what_a_run_before_refused_gives_way_to_an_older_one() -> None:
    made = choice(*map(offer, NEWER), of=pin("0.1.2"), remembered=refusals("0.2.0"))

    assert made.chosen is not None
    assert made.chosen.version == "0.1.4"
    assert reasons(made)["0.2.0"] == "refused before: aborts while loading"


def test_decisions_are_sorted_newest_first() -> None:
    _, said = decide(*map(offer, NEWER))

    assert list(said) == ["0.2.0", "0.1.4", "0.1.3"]


def test_what_is_not_newer_than_the_pin_is_passed_over() -> None:
    chosen, said = decide(offer("0.1.2"), offer("0.1.1"), offer("0.1.2.0"))

    assert (chosen, said) == (None, {})


def test_a_refused_release_gives_way_to_the_next_older_one() -> None:
    chosen, said = decide(*map(offer, NEWER), refused=["0.2.0"])

    assert chosen is not None
    assert chosen.version == "0.1.4"
    assert said["0.2.0"] == "refused in this run: aborts while loading"


def test_a_held_release_says_until_when_why_and_where_to_read_on() -> None:
    hold = Hold(version="0.2.0", reason="loses a flag", link="https://example.org/7", until=TODAY)
    _, said = decide(offer("0.2.0"), holds=[hold])

    assert said == {"0.2.0": "held until 2026-11-21: loses a flag (https://example.org/7)"}


def test_a_hold_without_an_end_or_a_link_says_only_why() -> None:
    _, said = decide(offer("0.2.0"), holds=[Hold(version="0.2.0", reason="loses a flag")])

    assert said == {"0.2.0": "held: loses a flag"}


def test_a_hold_is_over_the_day_after_its_last() -> None:
    hold = Hold(version="0.2.0", reason="loses a flag", until=TODAY - timedelta(days=1))
    _, said = decide(offer("0.2.0"), holds=[hold])

    assert said == {"0.2.0": CANDIDATE}


@pytest.mark.parametrize("text", ["0.2", "0.2.0", "v0.2.0"])
def test_a_hold_counts_however_its_version_is_written(text: str) -> None:
    chosen, _ = decide(offer("0.2.0"), holds=[Hold(version=text, reason="loses a flag")])

    assert chosen is None


def test_a_refusal_outranks_a_hold() -> None:
    hold = Hold(version="0.2.0", reason="loses a flag")
    _, said = decide(offer("0.2.0"), holds=[hold], refused=["0.2.0"])

    assert said == {"0.2.0": "refused in this run: aborts while loading"}


def test_a_release_without_a_file_for_a_platform_is_named_with_it() -> None:
    chosen, said = decide(offer("0.2.0", "ubuntu-x64"), offer("0.1.4"))

    assert chosen is not None
    assert chosen.version == "0.1.4"
    assert said["0.2.0"] == "no file for macos-arm64"


def test_every_platform_without_a_file_is_named() -> None:
    bare = Offer(version=version("0.2.0"), platforms=frozenset())
    _, said = decide(bare)

    assert said == {"0.2.0": "no file for macos-arm64, ubuntu-x64"}


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        (
            wheel("0.2.0", "py3-none-manylinux_2_35_x86_64"),
            "wheel tag py3-none-manylinux_2_35_x86_64 is not accepted on ubuntu-x64",
        ),
        (
            wheel("0.2.0", "py2.py3-none-any"),
            "wheel tag py2-none-any, py3-none-any is not accepted on ubuntu-x64",
        ),
        ("engine_wheel-0.2.0.tar.gz", "`engine_wheel-0.2.0.tar.gz` for ubuntu-x64 is not a wheel"),
    ],
    ids=["another tag", "a tag for everything", "no wheel"],
)
def test_a_file_of_a_kind_that_the_platform_does_not_accept_speaks_against(
    name: str, reason: str
) -> None:
    def odd(offered: Offer) -> dict[Platform, PublishedAsset]:
        found = first_files(offered)
        if offered.version.text == "0.2.0":
            found["ubuntu-x64"] = found["ubuntu-x64"].model_copy(update={"name": name})
        return found

    made = choice(*map(offer, NEWER), files=odd)

    assert reasons(made)["0.2.0"] == reason
    assert made.chosen is not None
    assert made.chosen.version == "0.1.4"


def test_one_accepted_tag_of_several_is_enough() -> None:
    name = wheel("0.2.0", "py3-none-manylinux_2_27_x86_64.manylinux_2_28_x86_64")

    def broad(offered: Offer) -> dict[Platform, PublishedAsset]:
        found = first_files(offered)
        return found | {"ubuntu-x64": found["ubuntu-x64"].model_copy(update={"name": name})}

    chosen = choice(offer("0.2.0"), files=broad).chosen

    assert chosen is not None
    assert chosen.assets["ubuntu-x64"].name == name


def test_files_are_asked_for_only_until_one_is_chosen() -> None:
    asked: list[str] = []

    def ask(offered: Offer) -> dict[Platform, PublishedAsset]:
        asked.append(offered.version.text)
        return first_files(offered)

    choice(*map(offer, NEWER), files=ask, refused=refusals("0.2.0"))

    assert asked == ["0.1.4"]


def test_a_pin_at_no_version_of_a_package_is_refused() -> None:
    with pytest.raises(PinError, match=r"^pin llama\.cpp: `version` is b11194, which") as caught:
        choice(offer("0.2.0"), of=pin("b11194"))

    assert caught.value.exit_code == 2
    assert caught.value.hint is not None
