"""What an engine makes of the language of chat templates, against Jinja2, for which they are made.

Each file of `fixtures/templates/jinja` is a topic, of snippets behind a mark: what llama.cpp claims
to know. What Jinja2 knows besides, models in use do without.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from engine_ci.gate import conversing, templates, zoo
from engine_ci.gate.api.questions import difference
from engine_ci.gate.vocabulary import CHATML

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from engine_ci.engine.client import Client

_MARK: Final = "\u2016"


def topics() -> dict[str, str]:
    """The source of each topic, by name."""
    files = sorted((zoo.template_folder() / "jinja").glob("*.jinja"))
    # A newline at its end is not a template's.
    return {path.stem: path.read_text(encoding="utf-8").removesuffix("\n") for path in files}


def source(topics: Mapping[str, str]) -> str:
    """A template that renders the topic which the user names, and any other chat as ChatML does."""
    each = "".join(
        f"{{% if messages[0].content == '{name}' %}}{topic}{{% endif %}}"
        for name, topic in topics.items()
    )
    return f"{each}{{% if messages[0].content not in {[*topics]} %}}{CHATML}{{% endif %}}"


def differences(name: str, topic: str, client: Client) -> Iterator[str]:
    """In what the snippets of a topic are rendered otherwise than by Jinja2, in words."""
    messages = [{"role": "user", "content": name}]
    expected = templates.render(topic, messages)
    found = conversing.prompt(client, messages=messages)
    parts = [text.split(_MARK) for text in (topic, expected, found)]
    if len({*map(len, parts)}) > 1:
        yield from difference(name, expected, found)
        return
    for snippet, wanted, given in zip(*parts, strict=True):
        yield from difference(f"`{snippet.strip()}`", wanted, given)
