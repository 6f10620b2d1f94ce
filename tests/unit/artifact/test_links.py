from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine_ci.artifact import links
from engine_ci.errors import VerificationError


@pytest.mark.parametrize(
    ("to", "folder", "found"),
    [
        ("libx.so.0", "", "libx.so.0"),
        ("libx.so.0", "a/b", "a/b/libx.so.0"),
        ("./libx.so.0", "a", "a/libx.so.0"),
        ("../lib/libx.so", "a/bin", "a/lib/libx.so"),
        ("..", "a", "."),
    ],
)
def test_a_link_names_a_path_from_its_folder(to: str, folder: str, found: str) -> None:
    assert links.place("link", to=to, folder=folder, archive="x") == found


@pytest.mark.parametrize(
    ("to", "said"),
    [
        ("/etc/passwd", "a link to the absolute path '/etc/passwd'"),
        ("../../x", "a link out of the archive, to '../../x'"),
        ("..//../../x", "a link out of the archive"),
        ("../..", "a link out of the archive"),
        ("", "which is no plain path"),
        ("..\\x", "which is no plain path"),
        ("a\0b", "which is no plain path"),
    ],
)
def test_a_link_out_of_the_archive_is_refused_by_name(to: str, said: str) -> None:
    with pytest.raises(VerificationError) as caught:
        links.place("lib/liba.so", to=to, folder="lib", archive="toy.tar.gz")

    assert caught.value.message.startswith("toy.tar.gz: the member 'lib/liba.so' is refused: it is")
    assert said in caught.value.message


def test_a_chain_of_links_leads_to_its_file() -> None:
    chain = {"libx.so": "libx.so.0", "libx.so.0": "libx.so.0.1.2"}

    ends = links.resolved(chain, files={"libx.so.0.1.2"}, archive="x")

    assert ends == dict.fromkeys(chain, "libx.so.0.1.2")


@pytest.mark.parametrize(
    ("found", "said"),
    [
        ({"a": "gone"}, "'a' is refused: it is a broken link: 'gone' is not in the archive"),
        ({"a": "file/x"}, "a broken link"),
        ({"a": "folder"}, "it is a link to the folder 'folder'"),
        ({"a": "."}, "it is a link to the folder '.'"),
        ({"a": "a"}, "it is a link in a circle"),
        ({"a": "b", "b": "c", "c": "a"}, "it is a link in a circle"),
        ({f"l{n}": f"l{n + 1}" for n in range(40)} | {"l40": "file"}, "more than 40 others"),
    ],
)
def test_a_link_that_leads_to_no_file_is_refused(found: dict[str, str], said: str) -> None:
    with pytest.raises(VerificationError) as caught:
        links.resolved(found, files={"file", "folder/file"}, archive="x")

    assert said in caught.value.message


_name = st.sampled_from(list("abcdef"))


@given(st.dictionaries(_name, _name), st.sets(_name, min_size=1))
def test_every_link_ends_at_a_file_or_is_refused(found: dict[str, str], files: set[str]) -> None:
    found = {link: to for link, to in found.items() if link not in files}
    try:
        ends = links.resolved(found, files=files, archive="x")
    except VerificationError:
        assert found
    else:
        assert set(ends) == set(found)
        assert set(ends.values()) <= files
