from __future__ import annotations

import json

import pytest

from engine_ci.config import FrameworksList
from engine_ci.setup.app import App, read

SCRIPT = "scripts/ensure-llama-server.ts"
TAURI = "src-tauri/tauri.conf.json"
SILENT = App(minimum_os=None, frameworks=None, command=None, leaves=None)


def tauri(**bundle: object) -> str:
    return json.dumps({"bundle": bundle})


def package(**scripts: str) -> str:
    return json.dumps({"scripts": scripts})


def test_a_tauri_app_says_what_it_ships() -> None:
    macos = {"minimumSystemVersion": "13.4", "frameworks": ["binaries/libllama.dylib"]}
    files = {TAURI: tauri(externalBin=["bin/tool", "binaries/llama-server"], macOS=macos)}

    assert read(files, carriers=()) == App(
        minimum_os="13.4",
        frameworks=FrameworksList(file=TAURI, path="bundle.macOS.frameworks"),
        command=None,
        leaves="src-tauri/binaries",
    )


@pytest.mark.parametrize(
    ("lock", "expected"),
    [
        ("bun.lock", "bun install --frozen-lockfile && bun run engine"),
        ("bun.lockb", "bun install --frozen-lockfile && bun run engine"),
        ("pnpm-lock.yaml", "pnpm install --frozen-lockfile && pnpm run engine"),
        ("yarn.lock", "yarn install --immutable && yarn run engine"),
        ("package-lock.json", "npm ci && npm run engine"),
    ],
)
def test_the_script_that_runs_a_file_with_the_build_brings_the_engine(
    lock: str, expected: str
) -> None:
    files = {"package.json": package(dev="vite", engine=f"tsx ./{SCRIPT} --quiet"), lock: ""}

    assert read(files, carriers={SCRIPT}).command == ("sh", "-c", expected)


def test_a_script_with_an_odd_name_is_no_other_command() -> None:
    files = {"package.json": package(**{"a; rm b": f"tsx {SCRIPT}"})}

    assert read(files, carriers={SCRIPT}).command == ("sh", "-c", "npm ci && npm run 'a; rm b'")


def test_a_script_of_something_else_does_not() -> None:
    files = {"package.json": package(dev="vite", lint=f"eslint {SCRIPT}x")}

    assert read(files, carriers={SCRIPT}).command is None


@pytest.mark.parametrize("text", ["", "{", "[]", '{"bundle": 3}', '{"bundle": {"macOS": []}}'])
def test_what_is_written_otherwise_says_nothing(text: str) -> None:
    assert read({TAURI: text, "package.json": text}, carriers={SCRIPT}) == SILENT


def test_an_app_of_another_kind_says_nothing() -> None:
    assert read({"main.go": "package main"}, carriers=()) == SILENT
