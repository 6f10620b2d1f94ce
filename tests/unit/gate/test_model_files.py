from __future__ import annotations

import hashlib
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NoReturn

import pytest

from engine_ci.errors import VerificationError
from engine_ci.gate import gguf_variant, model_files, seed_models, zoo
from engine_ci.gate.zoo import Model, WheelMember
from engine_ci.system import documents
from tests.unit.gate import tiny

GGUF = b"GGUF" + bytes(range(100))
ROOT = Path(__file__).parents[3]


def never(wheel: WheelMember) -> NoReturn:
    pytest.fail(f"{wheel.file} was asked for")


def model(content: bytes, source: dict[str, Any], **changes: Any) -> Model:  # noqa: ANN401 - fields
    values = {
        "name": "small",
        "role": "real",
        "architecture": "llama",
        "pre_tokenizer": "gpt-2",
        "size": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
        "source": source,
    }
    return Model.model_validate({**values, **changes})


def shipped(content: bytes = GGUF, **changes: Any) -> Model:  # noqa: ANN401 - fields of a Model
    return model(content, {"kind": "file", "path": "zoo/small.gguf"}, **changes)


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    path = tmp_path / "small-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("small/model.gguf", GGUF)
    return path


def in_wheel(wheel: Path, *, member: str = "small/model.gguf", content: bytes = GGUF) -> Model:
    return model(
        content,
        {
            "kind": "wheel",
            "package": "small",
            "version": "1.0",
            "file": wheel.name,
            "size": wheel.stat().st_size,
            "sha256": documents.sha256_of(wheel),
            "member": member,
        },
    )


def put(root: Path, content: bytes) -> Path:
    path = root / "zoo" / "small.gguf"
    path.parent.mkdir()
    path.write_bytes(content)
    return path


def facts(path: Path) -> dict[str, object]:
    values = tiny.facts(path)
    del values["GGUF.kv_count"], values["GGUF.tensor_count"], values["GGUF.version"]
    return values


def left_over(cache: Path) -> list[str]:
    return [path.name for path in cache.rglob("*") if path.is_file() and path.suffix != ".lock"]


def test_models_that_ship_are_what_the_catalogue_says_and_under_1_mb(tmp_path: Path) -> None:
    ours = [found for found in zoo.load_catalogue() if isinstance(found.source, zoo.ShippedFile)]

    paths = [model_files.locate(found, cache=tmp_path, fetch=never) for found in ours]

    assert sorted(paths) == sorted((zoo.data_root() / "fixtures" / "zoo").glob("*.gguf"))
    assert max(path.stat().st_size for path in paths) < 1_000_000


def test_variants_differ_from_what_they_are_of_in_their_facts_only(tmp_path: Path) -> None:
    bases = {found.name: found for found in zoo.load_catalogue()}
    variants = [
        (found, found.source) for found in bases.values() if isinstance(found.source, zoo.Variant)
    ]

    for found, source in variants:
        base = facts(model_files.locate(bases[source.of], cache=tmp_path, fetch=never))
        path = model_files.locate(found, cache=tmp_path, fetch=never)
        tokens = {f"tokenizer.ggml.{of}_token_id": each for of, each in source.tokens.items()}
        assert facts(path) == base | source.facts | tokens
        assert facts(path)["tokenizer.ggml.pre"] == found.pre_tokenizer
    assert len(variants) == 3 + 24 + 2 + 2 + 1


@pytest.mark.parametrize("name", ["performance", "sensitive-wide"])
def test_a_model_from_a_seed_is_written_here_byte_for_byte(tmp_path: Path, name: str) -> None:
    (found,) = [model for model in zoo.load_catalogue() if model.name == name]

    path = model_files.locate(found, cache=tmp_path, fetch=never)

    assert documents.sha256_of(path) == found.sha256


def test_a_shipped_file_is_used_where_it_lies(tmp_path: Path) -> None:
    path = put(tmp_path, GGUF)

    assert (
        model_files.locate(shipped(), cache=tmp_path / "cache", fetch=never, root=tmp_path) == path
    )
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"<!doctype html>", "not a GGUF file: it begins with b'<!do', not b'GGUF'"),
        (b"", "not a GGUF file: it begins with b''"),
        (GGUF[:-1], "expected 104 bytes, found 103"),
        (GGUF[:-1] + b"?", "expected sha256 .*, found "),
    ],
)
def test_a_shipped_file_that_is_something_else_is_refused(
    tmp_path: Path, content: bytes, reason: str
) -> None:
    put(tmp_path, content)

    with pytest.raises(VerificationError, match=rf"model small \(zoo/small.gguf\): {reason}"):
        model_files.locate(shipped(), cache=tmp_path, fetch=never, root=tmp_path)


def test_a_shipped_file_that_is_missing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(VerificationError, match="there is no file"):
        model_files.locate(shipped(), cache=tmp_path, fetch=never, root=tmp_path)


def test_a_member_of_a_wheel_is_extracted_once(tmp_path: Path, wheel: Path) -> None:
    found = in_wheel(wheel)

    path = model_files.locate(found, cache=tmp_path / "cache", fetch=lambda _: wheel)

    assert path.read_bytes() == GGUF
    assert model_files.locate(found, cache=tmp_path / "cache", fetch=never) == path


def test_programs_that_want_a_member_at_the_same_time_fetch_it_once(
    tmp_path: Path, wheel: Path
) -> None:
    found, fetched = in_wheel(wheel), list[str]()

    def fetch(asked: WheelMember) -> Path:
        fetched.append(asked.file)
        return wheel

    with ThreadPoolExecutor(4) as pool:
        asking = [
            pool.submit(model_files.locate, found, cache=tmp_path / "cache", fetch=fetch)
            for _ in range(4)
        ]

    assert [answer.result().read_bytes() for answer in asking] == [GGUF] * 4
    assert fetched == [wheel.name]


def test_a_damaged_file_in_the_cache_is_made_anew(tmp_path: Path, wheel: Path) -> None:
    found = in_wheel(wheel)
    model_files.locate(found, cache=tmp_path / "cache", fetch=lambda _: wheel).write_bytes(
        GGUF[:50]
    )

    path = model_files.locate(found, cache=tmp_path / "cache", fetch=lambda _: wheel)

    assert path.read_bytes() == GGUF


@pytest.mark.parametrize(("missing", "reason"), [(1, "bytes, found"), (0, "found [0-9a-f]{64}")])
def test_a_wheel_that_is_something_else_is_not_opened(
    tmp_path: Path, wheel: Path, missing: int, reason: str
) -> None:
    found = in_wheel(wheel)
    wheel.write_bytes(b"?" * (wheel.stat().st_size - missing))

    with pytest.raises(VerificationError, match=rf"{wheel.name}: expected .*{reason}"):
        model_files.locate(found, cache=tmp_path / "cache", fetch=lambda _: wheel)

    assert left_over(tmp_path / "cache") == []


def test_a_wheel_without_the_member_is_refused(tmp_path: Path, wheel: Path) -> None:
    found = in_wheel(wheel, member="small/other.gguf")

    with pytest.raises(VerificationError, match=r"has no member small/other\.gguf"):
        model_files.locate(found, cache=tmp_path / "cache", fetch=lambda _: wheel)


def test_a_member_that_is_another_model_leaves_nothing_behind(tmp_path: Path, wheel: Path) -> None:
    found = in_wheel(wheel, content=GGUF + b"more")

    with pytest.raises(
        VerificationError, match=r"\(small-1.0-py3-none-any.whl, member small/model.gguf\): expect"
    ):
        model_files.locate(found, cache=tmp_path / "cache", fetch=lambda _: wheel)

    assert left_over(tmp_path / "cache") == []


def test_a_model_that_this_machine_writes_otherwise_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def write(path: Path, *, seed: int) -> None:
        path.write_bytes(GGUF[:-1] + bytes([seed]))

    monkeypatch.setattr(seed_models, "WRITERS", {"wide": write})
    found = model(GGUF, {"kind": "seed", "recipe": "wide", "seed": 7})

    with pytest.raises(VerificationError, match=r"model small \(wide, seed 7\): expected sha256"):
        model_files.locate(found, cache=tmp_path, fetch=never)


@pytest.fixture
def base(tmp_path: Path) -> Model:
    content = tiny.write(tmp_path / "tiny.gguf").read_bytes()
    put(tmp_path, content)
    return shipped(content, name="base")


def variant_of(base: Model, **changes: Any) -> Model:  # noqa: ANN401 - fields of a Model
    source = {"kind": "variant", "of": base.name, "facts": {"tokenizer.ggml.pre": "falcon"}}
    return model(b"?", source, name="variant", **changes)


def test_a_variant_is_written_once_and_verified_by_its_own_hash(
    tmp_path: Path, base: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    gguf_variant.write(
        tmp_path / "made", tmp_path / "zoo" / "small.gguf", facts={"tokenizer.ggml.pre": "falcon"}
    )
    content = (tmp_path / "made").read_bytes()
    sha256 = hashlib.sha256(content).hexdigest()
    found = variant_of(base, size=len(content), sha256=sha256)

    def locate() -> Path:
        return model_files.locate(
            found, cache=tmp_path / "c", fetch=never, among=[base], root=tmp_path
        )

    assert locate().read_bytes() == content
    monkeypatch.setattr(gguf_variant, "write", never)
    assert locate().read_bytes() == content


def test_a_variant_that_comes_out_otherwise_is_refused(tmp_path: Path, base: Model) -> None:
    found = variant_of(base, size=100_000)

    with pytest.raises(
        VerificationError, match=r"model variant \(base with other facts\): expected 100000 bytes"
    ):
        model_files.locate(found, cache=tmp_path / "c", fetch=never, among=[base], root=tmp_path)

    assert left_over(tmp_path / "c") == []


def test_a_variant_of_a_damaged_file_is_not_written(tmp_path: Path, base: Model) -> None:
    (tmp_path / "zoo" / "small.gguf").write_bytes(GGUF)

    with pytest.raises(VerificationError, match=r"model base \(zoo/small.gguf\): expected"):
        model_files.locate(
            variant_of(base), cache=tmp_path / "c", fetch=never, among=[base], root=tmp_path
        )

    assert left_over(tmp_path / "c") == []
