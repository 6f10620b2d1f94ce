from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from engine_ci.artifact.macho import codesign
from engine_ci.errors import CommandError, VerificationError

if TYPE_CHECKING:
    from pathlib import Path

# Knows the three calls that we make and the answers of Apple's program as its manual page and its
# users show them; it signs nothing, and can tell nothing of what the real one takes or refuses.
STAND_IN = """#!{python}
import sys
from pathlib import Path
*words, name = sys.argv[1:]
file = Path(name)
match words:
    case ["--force", "--sign", "-", "--identifier", identifier, "--timestamp=none"]:
        print(f"{{name}}: replacing existing signature", file=sys.stderr)
        file.write_text(identifier)
    case ["--verify", "--strict"]:
        if file.read_text() == "damaged":
            sys.exit(f"{{name}}: invalid signature (code or signature have been modified)")
    case ["--display", "-vvv", "--architecture", arch]:
        print(f"Executable={{name}}\\nIdentifier={{file.read_text()}}", file=sys.stderr)
        if arch == "arm64":
            print("CandidateCDHash sha256=" + "0" * 40, file=sys.stderr)
            print("CDHash=" + "ab" * 20, file=sys.stderr)
    case _:
        sys.exit(2)
"""


@pytest.fixture
def program(tmp_path: Path) -> Path:
    path = tmp_path / "codesign"
    path.write_text(STAND_IN.format(python=sys.executable))
    path.chmod(0o755)
    return path


@pytest.fixture
def library(tmp_path: Path) -> Path:
    path = tmp_path / "libggml.dylib"
    path.write_text("old")
    return path


def test_a_file_is_signed_ad_hoc_with_its_identifier(program: Path, library: Path) -> None:
    codesign.sign(library, identifier="libggml.0", program=program)

    assert library.read_text() == "libggml.0"
    codesign.verify(library, program=program)


def test_what_codesign_refuses_is_no_engine_to_ship(program: Path, library: Path) -> None:
    library.write_text("damaged")

    with pytest.raises(VerificationError, match=r"codesign refuses it: .*\n.*invalid signature"):
        codesign.verify(library, program=program)


def test_the_hash_of_one_slice_is_read(program: Path, library: Path) -> None:
    assert codesign.cdhash(library, arch="arm64", program=program) == "ab" * 20


def test_a_slice_without_a_hash_is_an_error_with_what_was_said(
    program: Path, library: Path
) -> None:
    with pytest.raises(CommandError, match=r"libggml\.dylib: codesign names no CDHash") as caught:
        codesign.cdhash(library, arch="x86_64", program=program)

    assert caught.value.stderr == f"Executable={library}\nIdentifier=old\n"


def test_a_machine_without_codesign_says_so(library: Path) -> None:
    with pytest.raises(CommandError, match="`no-codesign` could not be started"):
        codesign.verify(library, program="no-codesign")
