"""Pure. How git is given a token for one address, and how text is kept free of it.

git reads settings from its environment, so a token needs no argument, address or file.
"""

from __future__ import annotations

import base64
import re

from engine_ci.errors import NOT_LOGGED_IN

Settings = tuple[tuple[str, str], ...]

# What git says where a server does not know a token: it would ask a person, and none is there.
_UNKNOWN = re.compile("could not read (Username|Password)|Authentication failed|error: 401")
_REFUSED = re.compile(r"error: 403|Permission to \S+ denied")


def settings(token: str, *, url: str) -> Settings:
    """Git settings that send the token to `url` and nowhere else."""
    key = f"http.{url}.extraHeader"
    return (
        # Nobody else is asked for a password, and none is stored.
        ("credential.helper", ""),
        # git would take the header along to wherever it is sent.
        ("http.followRedirects", "false"),
        # An empty value drops the header that a checkout left in the clone's configuration: GitHub
        # refuses two of them as a bad request.
        (key, ""),
        (key, f"Authorization: Basic {_encoded(token)}"),
    )


def environment(pairs: Settings) -> dict[str, str]:
    """Settings as environment variables, which git takes over every file."""
    numbered = {
        f"GIT_CONFIG_{what}_{at}": value
        for at, pair in enumerate(pairs)
        for what, value in zip(("KEY", "VALUE"), pair, strict=True)
    }
    return {"GIT_CONFIG_COUNT": str(len(pairs)), **numbered}


def without(token: str, text: str) -> str:
    """`text` with every form of the token taken out."""
    return text.replace(_encoded(token), "***").replace(token, "***")


def advice(said: str) -> str:
    """What to do where git failed with a server and said this."""
    if _UNKNOWN.search(said):
        return NOT_LOGGED_IN
    if _REFUSED.search(said):
        return (
            "the token needs to write contents: in a workflow `permissions: {contents: write}`, "
            "for an app or a fine-grained token its permission Contents: Read and write"
        )
    return "check the address and the network"


def _encoded(token: str) -> str:
    return base64.b64encode(f"x-access-token:{token}".encode()).decode()
