"""`detect` and its source against a small package index on loopback, through the real pip."""

from __future__ import annotations

import hashlib
import io
import json
import os
import sys
import threading
import zipfile
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from engine_ci.config import Policy
from engine_ci.errors import OutsideError
from engine_ci.pins import store
from engine_ci.records.candidate import Refusal
from engine_ci.releases.detect import ask, detect
from engine_ci.releases.sources import package_index
from engine_ci.releases.sources.github_releases import Place
from engine_ci.system.rest import RestReader
from tests.unit.releases.build import TAGS, pin, wheel

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from engine_ci.pins.model import Pin
    from engine_ci.records.candidate import Candidate

# No release of GitHub's is read here.
NOWHERE = Place(
    api=RestReader("http://127.0.0.1:9", cache=Path("nowhere")), files="", ledgers=Path("nowhere")
)
NOW = datetime(2026, 11, 21, 6, 0, tzinfo=UTC)
MAC, LINUX = "py3-none-macosx_14_0_arm64", "py3-none-manylinux_2_28_x86_64"
YANKED = ' data-yanked="does not start"'
FILES = {
    wheel("0.1.2", MAC): "",
    wheel("0.1.2", LINUX): "",
    wheel("0.1.3", MAC): "",
    wheel("0.1.3", "py3-none-manylinux_2_34_x86_64"): "",
    wheel("0.1.4", LINUX): "",
    wheel("0.1.5", "py3-none-any"): "",
    wheel("0.2.0", MAC): YANKED,
    wheel("0.2.0", LINUX): YANKED,
    wheel("0.3.0rc1", MAC): "",
    wheel("0.3.0rc1", LINUX): "",
    wheel("0.4.0", "py3-none-win_amd64"): "",
}


def content(name: str) -> bytes:
    """A wheel with nothing in it but what pip wants to see."""
    package, version = name.split("-")[:2]
    folder = f"{package}-{version}.dist-info"
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for file, text in {
            "METADATA": f"Metadata-Version: 2.1\nName: {package}\nVersion: {version}\n",
            "WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: false\n",
            "RECORD": "",
        }.items():
            archive.writestr(zipfile.ZipInfo(f"{folder}/{file}"), text)
    return buffer.getvalue()


def detected(pinned: Pin, *, refused: Sequence[Refusal] = ()) -> Candidate:
    """The outcome for a pin, from what its source offers now."""
    policy = Policy()
    listed = ask(pinned, policy=policy, at=NOWHERE)
    return detect(pinned, listed.offers, policy=policy, now=NOW, refused=refused)


@contextmanager
def index(files: Mapping[str, str]) -> Iterator[str]:
    """The address of an index with one package: file names, and attributes of their links."""
    wheels = {name: content(name) for name in files}
    links = "".join(
        f'<a href="/{name}#sha256={hashlib.sha256(wheels[name]).hexdigest()}"{extra}>{name}</a>'
        for name, extra in files.items()
    )

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            name = self.path.rsplit("/", 1)[-1]
            body = wheels.get(name) or (
                links.encode() if self.path == "/simple/engine-wheel/" else b""
            )
            self.send_response(200 if body else 404)
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its real name
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/simple/"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def pip_asks(monkeypatch: pytest.MonkeyPatch, home: Path) -> pytest.MonkeyPatch:
    """No configuration of pip but what the test sets."""
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_CACHE_DIR", str(home / "pip"))
    monkeypatch.setenv("PIP_RETRIES", "0")
    return monkeypatch


def test_every_newer_version_on_the_index_gets_its_reason(pip_asks: pytest.MonkeyPatch) -> None:
    with index(FILES) as address:
        pip_asks.setenv("PIP_INDEX_URL", address)
        candidate = detected(pin("0.1.2"))

    assert candidate.chosen is not None
    assert candidate.chosen.version == "0.1.3"
    assert {decision.version: decision.reason for decision in candidate.decisions} == {
        "0.1.5": "wheel tag py3-none-any is not accepted on macos-arm64",
        "0.1.4": "no file for macos-arm64",
        "0.1.3": ("candidate; its source does not tell its age: no cooldown"),
    }


def test_the_candidate_names_its_files_their_digests_and_what_was_tried(
    pip_asks: pytest.MonkeyPatch,
) -> None:
    refused = Refusal(version="0.1.5", reason="does not start")
    with index(FILES) as address:
        pip_asks.setenv("PIP_INDEX_URL", address)
        candidate = detected(pin("0.1.2"), refused=[refused])

    name = wheel("0.1.3", "py3-none-manylinux_2_34_x86_64")
    assert candidate.chosen is not None
    asset = candidate.chosen.assets["ubuntu-x64"]
    assert (asset.name, asset.size) == (name, None)
    assert asset.sha256 == hashlib.sha256(content(name)).hexdigest()
    assert asset.wheel_tags == TAGS["ubuntu-x64"]
    assert (candidate.pin, candidate.current) == ("llama.cpp", "0.1.2")
    assert candidate.source == "package-index engine-wheel"
    assert (candidate.refused, candidate.at) == ((refused,), NOW)
    assert candidate.decisions[0].reason == "refused in this run: does not start"


def test_nothing_newer_is_no_candidate_and_no_decision(pip_asks: pytest.MonkeyPatch) -> None:
    with index({wheel("0.1.2", MAC): "", wheel("0.1.2", LINUX): ""}) as address:
        pip_asks.setenv("PIP_INDEX_URL", address)
        candidate = detected(pin("0.1.2"))

    assert (candidate.chosen, candidate.decisions) == (None, ())


def test_a_platform_for_which_the_index_has_nothing_at_all_is_a_failure_of_the_outside(
    pip_asks: pytest.MonkeyPatch,
) -> None:
    with index({wheel("0.1.3", MAC): ""}) as address:
        pip_asks.setenv("PIP_INDEX_URL", address)
        with pytest.raises(OutsideError, match="No matching distribution found") as caught:
            detected(pin("0.1.2"))

    assert caught.value.exit_code == 4


def test_no_network_is_a_failure_of_the_outside_that_names_no_address(
    pip_asks: pytest.MonkeyPatch,
) -> None:
    with index({}) as address:
        gone = address
    pip_asks.setenv("PIP_INDEX_URL", gone)
    with pytest.raises(OutsideError, match="`pip index` failed") as caught:
        detected(pin("0.1.2"))

    assert caught.value.exit_code == 4
    assert caught.value.hint is not None
    assert "127.0.0.1" not in f"{caught.value} {caught.value.hint}"


@pytest.mark.parametrize("count", [0, 2])
def test_anything_but_one_file_for_a_platform_is_refused(
    count: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    info = {"url": "https://host/a.whl", "archive_info": {"hashes": {"sha256": "0" * 64}}}
    report = json.dumps({"install": [{"download_info": info}] * count})
    program = tmp_path / "python"
    program.write_text(f"#!/bin/sh\necho '{report}'\n")
    program.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(program))
    with pytest.raises(OutsideError, match=f"pip reports {count} files for engine-wheel==0.2.0"):
        package_index.files("engine-wheel", "0.2.0", pin().platforms)


@pytest.mark.engine
def test_the_real_index_offers_four_versions_newer_than_the_pin_of_the_demo(
    request: pytest.FixtureRequest,
) -> None:
    demo = request.config.rootpath / "examples" / "demo" / "app" / "pins" / "llama.cpp.yaml"
    candidate = detected(store.load(demo))
    versions = [decision.version for decision in candidate.decisions]

    assert candidate.chosen is not None
    assert candidate.chosen.version == versions[0]
    assert set(candidate.chosen.assets) == {"macos-arm64", "ubuntu-x64"}
    assert versions[-4:] == ["0.2.0", "0.1.5", "0.1.4", "0.1.3"]


def test_without_a_pin_the_versions_are_those_for_this_machine(
    pip_asks: pytest.MonkeyPatch,
) -> None:
    files = {
        wheel("0.1.2", "py3-none-any"): "",
        wheel("2026.4.8672.1", "py3-none-any"): "",
        wheel("0.4.0", "py3-none-win_amd64"): "",
        wheel("0.5.0", "py3-none-any"): YANKED,
    }
    with index(files) as address:
        pip_asks.setenv("PIP_INDEX_URL", address)
        found = package_index.versions("engine-wheel")
        asset = package_index.wheel("engine-wheel", "2026.4.8672.1")

    assert {(each.text, each.build) for each in found} == {("0.1.2", None), ("2026.4.8672.1", 8672)}
    name = wheel("2026.4.8672.1", "py3-none-any")
    assert (asset.name, asset.wheel_tags) == (name, ())
    assert asset.sha256 == hashlib.sha256(content(name)).hexdigest()
