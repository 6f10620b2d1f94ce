"""Where the files of GitHub's releases lie, for whoever downloads them."""

from __future__ import annotations

from typing import Final

from engine_ci.system.addresses import host_of

# The releases of most projects; the variable names another server of the same layout.
SERVER: Final = "https://github.com"
VARIABLE: Final = "ENGINE_CI_RELEASES_URL"

# Where that server sends whoever asks for a release's file.
_STORES: Final = {
    "github.com": ("objects.githubusercontent.com", "release-assets.githubusercontent.com")
}


def folder(server: str, repository: str, *, tag: str) -> str:
    """The address below which the files of one release lie under their own names."""
    return f"{server.rstrip('/')}/{repository}/releases/download/{tag}"


def hosts(address: str) -> tuple[str, ...]:
    """The hosts that may serve a file of that address, redirects included."""
    host = host_of(address)
    return (host, *_STORES.get(host, ()))
