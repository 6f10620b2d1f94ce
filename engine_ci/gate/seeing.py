"""Makes the goldens of pictures from the numpy reference, and checks stored ones against it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine_ci.gate import goldens, pictures, recording, reference
from engine_ci.gate.networks import Cache, vision
from engine_ci.gate.pictures import Glance, PictureGolden
from engine_ci.system import documents

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from engine_ci.gate.networks import Model, Values


@dataclass(frozen=True, kw_only=True)
class Message:
    """What to record: all of a `Glance` but its steps, and how many they shall be."""

    id: str
    texts: tuple[str, ...]
    pictures: tuple[str, ...]
    tokens: tuple[tuple[int, ...], ...]
    limit: int


def record(
    path: Path, language_path: Path, messages: Iterable[Message], *, name: str, language_model: str
) -> PictureGolden:
    """Generates greedily from every message and keeps what the model thought at each step.

    Args:
        path: a projector's verified GGUF.
        language_path: that of the model which is shown what the projector makes.
        messages: one for each glance.
        name: of the projector, in the catalogue.
        language_model: the other one's.
    """
    projector, language = reference.load_projector(path), reference.load(language_path)
    messages = tuple(messages)
    shown = _shown(projector, {picture for message in messages for picture in message.pictures})
    return PictureGolden(
        schema=1,
        model=name,
        sha256=documents.sha256_of(path),
        language_model=language_model,
        language_sha256=documents.sha256_of(language_path),
        side=_side(projector),
        each=len(next(iter(shown.values()))),
        glances=tuple(_glance(language, shown, message) for message in messages),
    )


def record_again(path: Path, language_path: Path, golden: PictureGolden) -> PictureGolden:
    """The golden with its steps computed anew from the two models."""
    messages = [
        Message(
            id=glance.id,
            texts=glance.texts,
            pictures=glance.pictures,
            tokens=glance.tokens,
            limit=len(glance.steps),
        )
        for glance in golden.glances
    ]
    return record(
        path, language_path, messages, name=golden.model, language_model=golden.language_model
    )


def differences(path: Path, language_path: Path, golden: PictureGolden) -> tuple[str, ...]:
    """What the reference contradicts in a golden, in words; nothing when all holds.

    Log-probabilities may be off by as much as those of texts.
    """
    for name, file, sha256 in (
        (golden.model, path, golden.sha256),
        (golden.language_model, language_path, golden.language_sha256),
    ):
        if reason := goldens.not_from(file, sha256):
            return (f"{name}: {reason}",)
    projector, language = reference.load_projector(path), reference.load(language_path)
    return tuple(
        f"{golden.model}, glance {glance.id}, step {number}: a log-probability moved by {by:.6f}"
        for glance, rows in expected(projector, language, golden)
        for number, moved in enumerate(recording.distances(glance.steps, rows))
        if (by := moved.max()) > recording.TOLERANCE
    )


def expected(
    projector: Model, language: Model, golden: PictureGolden
) -> Iterator[tuple[Glance, Values]]:
    """What the reference expects at each step of a glance, (steps, vocabulary)."""
    shown = _shown(projector, {name for glance in golden.glances for name in glance.pictures})
    for glance in golden.glances:
        cache = _until_last(language, shown, glance.tokens, glance.pictures)
        *_, last = glance.tokens
        said = [step.token for step in glance.steps[:-1]]
        rows = reference.log_probabilities(language, [*last, *said], cache)
        yield glance, rows[len(last) - 1 :]


def _side(projector: Model) -> int:
    return int(projector.fact("vision.image_size"))


def _shown(projector: Model, names: Iterable[str]) -> dict[str, Values]:
    """What the language model gets of each picture."""
    side = _side(projector)
    return {name: vision.see(projector, pictures.pixels(name, side=side)) for name in sorted(names)}


def _until_last(
    language: Model,
    shown: Mapping[str, Values],
    tokens: Sequence[Sequence[int]],
    names: Sequence[str],
) -> Cache:
    """What a message leaves behind up to its last text, which is not read yet."""
    cache = Cache()
    for text, name in zip(tokens, names, strict=False):
        reference.log_probabilities(language, text, cache)
        reference.show(language, shown[name], cache)
    return cache


def _glance(language: Model, shown: Mapping[str, Values], message: Message) -> Glance:
    cache = _until_last(language, shown, message.tokens, message.pictures)
    rows = reference.greedy(language, message.tokens[-1], limit=message.limit, cache=cache)
    return Glance(
        id=message.id,
        texts=message.texts,
        pictures=message.pictures,
        tokens=message.tokens,
        steps=recording.steps(rows),
    )
