"""Do all who name the commit of a release name the same one?"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine_ci.artifact import commits
from engine_ci.errors import VerificationError
from engine_ci.pins.model import Commit

WHOLE = Commit(id="86a283532072722c5f3363d37d59a874d09fa99b")
SHORT = Commit(id="86a2835", abbreviated=True)
OTHER = Commit(id="9a3bf2b", abbreviated=True)
WHO = ("the pin", "the tag", "the attestation", "the engine itself")


@given(st.lists(st.sampled_from([WHOLE, SHORT, None]), max_size=4))
def test_who_names_the_same_commit_agrees_however_many_digits_he_gives(
    said: list[Commit | None],
) -> None:
    commits.agree(dict(zip(WHO, said, strict=False)), version="b11434")


@given(st.permutations([WHOLE, SHORT, None, OTHER]))
def test_one_who_names_another_ends_it(said: list[Commit | None]) -> None:
    with pytest.raises(VerificationError):
        commits.agree(dict(zip(WHO, said, strict=True)), version="b11434")


def test_a_moved_tag_is_told_with_both_commits() -> None:
    said = {"the pin": WHOLE, "the tag": OTHER}

    with pytest.raises(VerificationError) as caught:
        commits.agree(said, version="b11434")

    assert caught.value.message == (
        f"b11434: expected the commit {WHOLE}, as the pin says, found 9a3bf2b, as the tag says"
    )
    assert "moved" in str(caught.value.hint)
