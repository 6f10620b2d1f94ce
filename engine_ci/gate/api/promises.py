"""What a `llama-server` answers to sound requests, against what is known.

Each question yields in words what differs; another shape is an EngineAnswerError.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from engine_ci.engine import answers, reading
from engine_ci.gate.api import chat_shapes, questions, shapes
from engine_ci.gate.api.questions import CHAT, COMPLETION, difference, get, post

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine_ci.engine.client import Client
    from engine_ci.gate.api.chat_shapes import Position, Usage
    from engine_ci.gate.api.questions import Known

_LIKELIEST: Final = 3
_CUT: Final = 5
_NULLABLE: Final = (
    *("temperature", "top_p", "top_k", "min_p", "seed", "stop", "n", "stream", "user"),
    *("max_tokens", "max_completion_tokens", "logprobs", "top_logprobs", "logit_bias"),
    *("presence_penalty", "frequency_penalty", "repeat_penalty", "response_format"),
)


def props(client: Client, known: Known) -> Iterator[str]:
    """In what `/props` differs, in words; so do the others."""
    found = get(client, "/props", shapes.Props)
    yield from difference("chat_template_tool_use", None, found.chat_template_tool_use)
    if known.slots is not None:
        yield from difference("total_slots", known.slots, found.total_slots)


def models(client: Client, known: Known) -> Iterator[str]:
    """`/v1/models`, and a chat that asks for the model on the list."""
    (model,) = get(client, "/v1/models", shapes.Models).data
    body = questions.chat(known, count=1) | {"model": model.id}
    yield from difference("model", model.id, post(client, CHAT, body, chat_shapes.Named).model)


def completion(client: Client, known: Known) -> Iterator[str]:
    """`/completion` in one piece."""
    found = post(client, COMPLETION, questions.completion(known), shapes.Completion)
    yield from difference("content", known.answer, found.content)
    yield from difference("tokens", list(known.tokens), found.tokens)
    yield from _ending(known, found)


def completion_stream(client: Client, known: Known) -> Iterator[str]:
    """`/completion` piece by piece."""
    endpoint = f"POST {COMPLETION} (stream)"
    lines = client.lines(COMPLETION, body=questions.completion(known) | {"stream": True})
    events = [reading.event(line, endpoint=endpoint) for line in lines]
    pieces = [reading.fit(event, shapes.Piece, endpoint=endpoint) for event in events]
    last = reading.fit(events[-1] if events else None, shapes.End, endpoint=endpoint)
    yield from difference("content", known.answer, "".join(piece.content for piece in pieces))
    yield from difference("events with `stop`", 1, sum(piece.stop for piece in pieces))
    timed = sum(piece.timings is not None for piece in pieces)
    yield from difference("events with `timings`", 1, timed)
    yield from _ending(known, last)


def _ending(known: Known, found: shapes.End) -> Iterator[str]:
    evaluated, predicted = known.prompted, len(known.tokens)
    for what, wanted, given in (
        ("stop_type", "eos", found.stop_type),
        ("stopping_word", "", found.stopping_word),
        ("tokens_evaluated", evaluated, found.tokens_evaluated),
        ("tokens_predicted", predicted, found.tokens_predicted),
        ("timings.prompt_n", evaluated, found.timings.prompt_n),
        ("timings.predicted_n", predicted, found.timings.predicted_n),
    ):
        yield from difference(what, wanted, given)


def chat(client: Client, known: Known) -> Iterator[str]:
    """`/v1/chat/completions` in one piece: to its end, and cut off."""
    for body, count, finish in (
        (questions.chat(known), len(known.tokens), "stop"),
        (questions.chat(known, count=_CUT), _CUT, "length"),
    ):
        found = post(client, CHAT, body, chat_shapes.Chat)
        text = found.choices[0].message.content
        wanted = known.answer if finish == "stop" else known.answer[: len(text)] or "a beginning"
        yield from difference("content", wanted, text)
        yield from difference("finish_reason", finish, found.choices[0].finish_reason)
        yield from _usage(known, found.usage, count=count)


def chat_stream(client: Client, known: Known) -> Iterator[str]:
    """`/v1/chat/completions` piece by piece, with usage."""
    body = questions.chat(known) | {"stream_options": {"include_usage": True}}
    found = questions.stream(client, body)
    finishes = [choice.finish_reason for chunk in found for choice in chunk.choices]
    usages = [chunk.usage for chunk in found if chunk.usage]
    roles = {choice.delta.role for chunk in found[:1] for choice in chunk.choices}
    for what, wanted, given in (
        ("role in the first chunk", {"assistant"}, roles),
        ("content", known.answer, questions.text(found)),
        ("finish_reason at the end", ["stop"], finishes[-1:]),
        ("other finish_reasons", set(), {reason for reason in finishes[:-1] if reason}),
        ("number of ids", 1, len({chunk.id for chunk in found})),
        ("number of usages", 1, len(usages)),
    ):
        yield from difference(what, wanted, given)
    for usage in usages:
        yield from _usage(known, usage, count=len(known.tokens))


def _usage(known: Known, found: Usage, *, count: int) -> Iterator[str]:
    for what, wanted, given in (
        ("usage.prompt_tokens", known.prompted, found.prompt_tokens),
        ("usage.completion_tokens", count, found.completion_tokens),
        ("usage.total_tokens", known.prompted + count, found.total_tokens),
    ):
        yield from difference(what, wanted, given)


def stop_strings(client: Client, known: Known) -> Iterator[str]:
    """A stop string of several tokens, at all three places; nothing of it may come through."""
    _, _, word = known.answer.rpartition(" ")
    kept, stop = known.answer.removesuffix(word), {"stop": [word]}
    plain = post(client, COMPLETION, questions.completion(known) | stop, shapes.Stopped)
    whole = post(client, CHAT, questions.chat(known) | stop, chat_shapes.Choices).choices[0]
    streamed = questions.stream(client, questions.chat(known) | stop)
    finish = [choice.finish_reason for chunk in streamed for choice in chunk.choices][-1:]
    for what, wanted, given in (
        (f"{COMPLETION}: content", kept, plain.content),
        (f"{COMPLETION}: stop_type", "word", plain.stop_type),
        (f"{COMPLETION}: stopping_word", word, plain.stopping_word),
        (f"{CHAT}: content", kept, whole.message.content),
        (f"{CHAT}: finish_reason", "stop", whole.finish_reason),
        (f"{CHAT} (stream): content", kept, questions.text(streamed)),
        (f"{CHAT} (stream): finish_reason", ["stop"], finish),
    ):
        yield from difference(what, wanted, given)


def ignore_eos(client: Client, known: Known) -> Iterator[str]:
    """The end token ends an answer, and with `ignore_eos` there is another one in its place."""
    *said, end = known.tokens
    body = questions.completion(known)
    past = {"ignore_eos": True, "n_predict": len(known.tokens)}
    ended = post(client, COMPLETION, body | {"ignore_eos": False}, shapes.Ended)
    forced = post(client, COMPLETION, body | past, shapes.Ended)
    for what, wanted, given in (
        ("ignore_eos false: tokens", [*said, end], ended.tokens),
        ("ignore_eos false: stop_type", "eos", ended.stop_type),
        ("ignore_eos true: tokens before the end", said, forced.tokens[: len(said)]),
        ("ignore_eos true: stop_type", "limit", forced.stop_type),
    ):
        yield from difference(what, wanted, given)
    if end in forced.tokens:
        yield f"ignore_eos true: expected another token than {end}, the end, found it"


def sampling(client: Client, known: Known) -> Iterator[str]:
    """Chance that comes from the seed: the same again, and another with another seed."""
    first, again, other = (
        post(client, COMPLETION, questions.by_chance(known, seed=seed), answers.Content).content
        for seed in (7, 7, 8)
    )
    yield from difference("content with the same seed again", first, again)
    if other == first:
        yield f"content with another seed: expected another than {first!r}, found the same"


def nulls(client: Client, known: Known) -> Iterator[str]:
    """A chat with every parameter that clients send as null, which says that it is not given."""
    # Without a temperature and a seed the engine draws by chance, so that nothing else may be left.
    only = {"grammar": f"root ::= {json.dumps(known.answer)}"}
    body = questions.chat(known) | dict.fromkeys(_NULLABLE) | only
    (choice,) = post(client, CHAT, body, chat_shapes.Choices).choices
    yield from difference("content", known.answer, choice.message.content)


def logprobs(client: Client, known: Known) -> Iterator[str]:
    """The log-probabilities of a chat, with one token in each place and with several."""
    for count in (1, _LIKELIEST):
        yield from _explained(client, known, count=count)


def _explained(client: Client, known: Known, *, count: int) -> Iterator[str]:
    body = questions.chat(known, count=_CUT) | {"logprobs": True, "top_logprobs": count}
    (choice,) = post(client, CHAT, body, chat_shapes.ExplainedChat).choices
    positions = choice.logprobs.content
    said = b"".join(bytes(position.bytes) for position in positions).decode(errors="replace")
    yield from difference("number of positions", _CUT, len(positions))
    yield from difference("text of the positions", choice.message.content, said)
    for number, position in enumerate(positions):
        yield from likeliest(number, position, count=count)


def likeliest(number: int, position: Position, *, count: int) -> Iterator[str]:
    """In what one position is none of a greedy answer, in words."""
    top = position.top_logprobs
    values = [likely.logprob for likely in top]
    yield from difference(f"top_logprobs of position {number}", count, len(top))
    yield from difference(f"order at position {number}", sorted(values, reverse=True), values)
    for first in top[:1]:
        yield from difference(f"likeliest at position {number}", first.token, position.token)
