"""Pure. The shapes of what a `llama-server` answers, as far as we rely on it."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator


def _encodable(text: str) -> str:
    """JSON can spell half of a surrogate pair, which no file of ours could hold."""
    text.encode()
    return text


Text = Annotated[str, AfterValidator(_encodable)]
Filled = Annotated[Text, Field(min_length=1)]
Count = Annotated[int, Field(ge=0, lt=1 << 31)]
Byte = Annotated[int, Field(ge=0, le=255)]
Positive = Annotated[int, Field(gt=0)]
# Rounding may lift a certainty a little above zero; a probability in its place does more.
LogProbability = Annotated[float, Field(le=1e-4)]


class Shape(BaseModel):
    """The fields that we rely on; an answer may have more of them, of any kind."""

    model_config = ConfigDict(frozen=True, strict=True, extra="ignore", allow_inf_nan=False)


class Health(Shape):
    """`GET /health`."""

    status: Text


class Props(Shape):
    """`GET /props`: what the engine says about itself."""

    model_path: Text
    total_slots: Count
    build_info: Text
    chat_template: Text


class Likely(Shape):
    """A token and its natural log-probability before any sampler."""

    id: Count
    logprob: LogProbability


class Position(Likely):
    """A generated token, and the likeliest ones in its place."""

    top_logprobs: list[Likely]


class Timings(Shape):
    """How many tokens of the prompt were not in the cache, how many of the answer were guessed."""

    prompt_n: Count | None = None
    draft_n: Count = 0


class Completed(Shape):
    """`POST /completion`."""

    content: Text
    tokens: list[Count]
    stop_type: Text
    completion_probabilities: list[Position] = []
    truncated: bool = False
    timings: Timings = Timings()


class Piece(Shape):
    """One event of `POST /completion` with `stream`."""

    tokens: list[Count]
    stop: bool
    tokens_predicted: Count


class Tokens(Shape):
    """`POST /tokenize`."""

    tokens: list[Count]


class SpelledToken(Shape):
    """A token and what it spells; its bytes where they are no whole characters."""

    id: Count
    piece: Text | list[Annotated[int, Field(ge=0, le=255)]]


class SpelledTokens(Shape):
    """`POST /tokenize` with `with_pieces`."""

    tokens: list[SpelledToken]


class Content(Shape):
    """`POST /detokenize`."""

    content: Text


class Prompt(Shape):
    """`POST /apply-template`."""

    prompt: Text


class _Said(Shape):
    content: Text


class Choice(Shape):
    """One answer of a chat completion."""

    message: _Said
    finish_reason: Text


class PromptUsage(Shape):
    """What a request took that is not answered with tokens."""

    prompt_tokens: Count


class Usage(PromptUsage):
    """What a chat completion took."""

    completion_tokens: Count


class ChatCompletion(Shape):
    """`POST /v1/chat/completions`."""

    choices: list[Choice] = Field(min_length=1)
    usage: Usage


class Embedding(Shape):
    """The vector of one input, its components as numbers or packed (float32, base64)."""

    embedding: list[float] | Text


class Embeddings(Shape):
    """`POST /v1/embeddings`."""

    data: list[Embedding]


class SlotDone(Shape):
    """`POST /slots/N?action=…`."""

    id_slot: Count


class SlotState(Shape):
    """One of `GET /slots`.

    Attributes:
        n_ctx: tokens that it may take.
        id_task: of its last request; None where it never had one.
        n_prompt_tokens: that it holds in the cache; None where a build does not say.
    """

    id: Count
    n_ctx: Count = 0
    is_processing: bool
    id_task: int | None = None
    n_prompt_tokens: Count | None = None

    @property
    def held(self) -> int | None:
        """The tokens that it holds; None where it has worked, and its build does not say."""
        return 0 if self.id_task is None else self.n_prompt_tokens


class Rank(Shape):
    """How well one document fits; `index` is its place among those that were sent."""

    index: Count
    relevance_score: float


class Ranked(Shape):
    """`POST /v1/rerank`: those that fit best first."""

    results: list[Rank]
    usage: PromptUsage


class Slots(Shape):
    """`GET /slots`, a list."""

    slots: list[SlotState]

    @model_validator(mode="before")
    @classmethod
    def _named(cls, value: object) -> object:
        return {"slots": value}
