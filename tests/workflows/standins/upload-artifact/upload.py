"""Packs files as GitHub does: rooted at what all of the named paths have in common."""

import os
import zipfile
from pathlib import Path

store = Path(os.environ["STANDIN_STORE"]) / f"{os.environ['NAME']}.zip"
patterns = os.environ["PATTERNS"].split()
# The part of a pattern before its first star is where a search starts, found or not.
starts = [Path(pattern.partition("*")[0] or ".") for pattern in patterns]
starts = [
    start if "*" not in pattern or pattern[pattern.index("*") - 1] == "/" else start.parent
    for start, pattern in zip(starts, patterns, strict=True)
]
root = Path(os.path.commonpath([str(start.absolute()) for start in starts]))
root = root if root.is_dir() else root.parent
named = [found for pattern in patterns for found in Path.cwd().glob(pattern)]
files = {
    file
    for found in named
    for file in (found.rglob("*") if found.is_dir() else [found])
    if file.is_file()
}
if os.environ["HIDDEN"] != "true":
    cwd = Path.cwd()
    files = {
        file for file in files
        if not any(part.startswith(".") for part in file.relative_to(cwd).parts)
    }  # fmt: skip
if not files:
    raise SystemExit(0)
# A test may want a file to say something else than what the job left: `NAME PATH OLD NEW`.
forged = os.environ.get("STANDIN_FORGE", "").split()
if forged[:1] == [os.environ["NAME"]]:
    _, path, old, new = forged
    text = (root / path).read_text()
    (root / path).write_text(text.replace(old, new))
with zipfile.ZipFile(store, "x") as archive:
    for file in sorted(files):
        archive.write(file, file.relative_to(root))
