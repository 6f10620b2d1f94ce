"""Unpacks one artifact in place; several likewise, or each into a folder of its name."""

import os
import zipfile
from pathlib import Path

store, into = Path(os.environ["STANDIN_STORE"]), Path(os.environ["INTO"])
name = os.environ["NAME"]
if name:
    with zipfile.ZipFile(store / f"{name}.zip") as archive:
        archive.extractall(into)
else:
    for path in sorted(store.glob(f"{os.environ['PATTERN']}.zip")):
        with zipfile.ZipFile(path) as archive:
            archive.extractall(into if os.environ["MERGE"] == "true" else into / path.stem)
