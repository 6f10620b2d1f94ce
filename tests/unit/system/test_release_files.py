from __future__ import annotations

import pytest

from engine_ci.system import release_files


def test_the_files_of_a_release_lie_below_its_tag() -> None:
    address = release_files.folder("https://github.com/", "ggml-org/llama.cpp", tag="b11434")

    assert address == "https://github.com/ggml-org/llama.cpp/releases/download/b11434"


@pytest.mark.parametrize(
    ("address", "hosts"),
    [
        (
            "https://github.com/ggml-org/llama.cpp",
            (
                "github.com",
                "objects.githubusercontent.com",
                "release-assets.githubusercontent.com",
            ),
        ),
        ("https://github.com.evil.example/x", ("github.com.evil.example",)),
        ("https://mirror.example/x", ("mirror.example",)),
    ],
)
def test_a_redirect_may_lead_to_the_stores_of_that_server_alone(
    address: str, hosts: tuple[str, ...]
) -> None:
    assert release_files.hosts(address) == hosts
