"""`engine-ci schema`, and what it is for: outputs and files that fit, and those that do not."""

from __future__ import annotations

import importlib
import json
import pkgutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema_rs
import pytest
import yaml

import engine_ci.records
from engine_ci import config
from engine_ci.cli import schema, schemas
from engine_ci.errors import Exit
from engine_ci.pins import store
from engine_ci.system import documents, json_schema
from engine_ci.system.documents import Versioned
from tests.unit.bump import records
from tests.unit.cli.command import RESULTS
from tests.unit.cli.test_commands import COMMANDS, options

if TYPE_CHECKING:
    from tests.unit.cli.command import CommandLine

ROOT = Path(__file__).parents[3]
DEMO = ROOT / "examples" / "demo" / "app"
PUBLISHED = ROOT / "docs" / "schema"


def fits(value: Any, name: str) -> bool:  # noqa: ANN401 - any JSON
    return jsonschema_rs.is_valid(schemas.of(name), value, validate_formats=True)


def yaml_of(path: Path) -> Any:  # noqa: ANN401 - any JSON
    return yaml.safe_load(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", schemas.DOCUMENTS)
def test_what_is_published_is_what_the_code_says(name: str) -> None:
    found = schemas.of(name)

    assert (PUBLISHED / f"{name}.json").read_text(encoding="utf-8") == schema.text(found), (
        "`engine-ci schema --out docs/schema` writes it anew"
    )
    jsonschema_rs.meta.validate(found)


def test_nothing_else_is_published() -> None:
    assert {path.stem for path in PUBLISHED.iterdir()} == set(schemas.DOCUMENTS)


def test_every_record_has_a_schema() -> None:
    places = {described.place for described in schemas.DOCUMENTS.values()}
    for found in pkgutil.iter_modules(engine_ci.records.__path__):
        module = importlib.import_module(f"engine_ci.records.{found.name}")
        for name, member in vars(module).items():
            if isinstance(member, type) and issubclass(member, Versioned):
                here = member.__module__ == module.__name__
                assert not here or f"records.{found.name}:{name}" in places


def test_every_command_with_json_has_a_schema() -> None:
    printing = {name for name, command in COMMANDS.items() if "--json" in options(command)}

    assert printing == set(RESULTS)
    assert set(RESULTS.values()) <= set(schemas.DOCUMENTS)


def test_names_are_listed_and_one_is_printed(run: CommandLine) -> None:
    assert run("schema").out.split() == list(schemas.DOCUMENTS)
    assert json.loads(run("schema", "pin").out)["title"] == "engine-ci pin"


def test_all_or_one_are_written_to_a_folder(run: CommandLine, tmp_path: Path) -> None:
    one = run("schema", "gate", "--out", str(tmp_path / "one"))
    run("schema", "--out", str(tmp_path / "all"))

    assert one.out == f"{tmp_path / 'one' / 'gate.json'}\n"
    assert [path.name for path in (tmp_path / "one").iterdir()] == ["gate.json"]
    assert {path.name for path in (tmp_path / "all").iterdir()} == {
        path.name for path in PUBLISHED.iterdir()
    }


def test_a_document_that_nobody_knows_is_refused_with_those_there_are(run: CommandLine) -> None:
    ran = run("schema", "poem")

    assert ran.status == Exit.USAGE
    assert "expected the name of a document, found poem\n\nhint: there are audit, " in ran.err


@pytest.mark.parametrize("path", [ROOT / "engine-ci.yaml", DEMO / "engine-ci.yaml"])
def test_the_configurations_here_fit_their_schema(path: Path) -> None:
    config.load(path)
    assert fits(yaml_of(path), "config")


@pytest.mark.parametrize("path", [folder / "pins" / "llama.cpp.yaml" for folder in (ROOT, DEMO)])
def test_the_pins_here_fit_their_schema(path: Path) -> None:
    store.load(path)
    assert fits(yaml_of(path), "pin")


def test_the_catalogue_of_models_fits_its_schema() -> None:
    assert fits(yaml_of(ROOT / "pins" / "models.yaml"), "models")


def test_what_the_program_refuses_does_not_fit() -> None:
    path = DEMO / "engine-ci.yaml"
    pin = json.loads(documents.dump_json(records.pin()))
    del pin["platforms"]["ubuntu-x64"]["sha256"]

    assert not fits(yaml_of(path) | {"colour": "red"}, "config")
    assert not fits(yaml_of(path) | {"platforms": ["amiga"]}, "config")
    assert not fits(pin, "pin")


def test_a_result_of_ours_lacks_no_field() -> None:
    found = json.loads(documents.dump_json(records.candidate()))

    assert fits(found, "candidate")
    for field in found:
        assert not fits({key: value for key, value in found.items() if key != field}, "candidate")


def test_a_field_says_what_its_class_says_of_it() -> None:
    check = schemas.of("gate")["$defs"]["Check"]

    assert check["description"] == "One yes-or-no question."
    assert check["properties"]["blocking"]["description"] == "whether `fail` here fails the gate."


def test_a_description_may_go_on_and_be_of_two_fields() -> None:
    words, fields = json_schema.described(
        "What it is,\nin short.\n\nAttributes:\n    one, two: of them\n        both: here.\n"
        "    three: else.\n"
    )

    assert words == "What it is, in short."
    assert fields == {"one": "of them both: here.", "two": "of them both: here.", "three": "else."}
