"""Nothing in the product can merge: no call, no address, no command and no query for it."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import engine_ci

if TYPE_CHECKING:
    from collections.abc import Iterator

PACKAGE = Path(engine_ci.__file__).parent

# PyGithub's, git's and GitHub's ways to merge, push to a base, or have it done later; where two
# branches parted, the merge base, is no such thing.
CALLS = re.compile(
    r"^(merge|.*_merge|merge_(?!base$).*|.*automerge.*|.*auto_merge.*|update_branch)$"
)
WORDS = re.compile(
    r"^merge$|/merges?\b|merge_method|mergePullRequest|mergeBranch|AutoMerge|auto_merge|/graphql"
)

# `doctor` has to ask whether the app's repository allows it, and `review` whether a pull request
# waits for it; those modules only read.
ASKED = {
    "system/github_pull.py": ["auto_merge"],
    "system/github_reads.py": ["allow_auto_merge"],
}
WRITES = re.compile(r"POST|PATCH|PUT|DELETE|\.(edit|create|update|add|remove|set|enable)\w*\(")


def merging(source: str) -> Iterator[str]:
    """Every call and every text in `source` that could merge something."""
    tree = ast.parse(source)
    prose = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(attr=name) | ast.Name(id=name) if CALLS.match(name):
                yield name
            case ast.Constant(value=str(text)) if id(node) not in prose and WORDS.search(text):
                yield text


@pytest.mark.parametrize(
    "source",
    [
        "pull.merge()",
        "repository.merge('main', 'topic')",
        "call = pull.enable_automerge",
        "run(['git', 'merge', branch])",
        "ask('PUT', f'/repos/{name}/pulls/{number}/merge')",
        "query = 'mutation { enablePullRequestAutoMerge(input: {}) { clientMutationId } }'",
        "edit(allow_auto_merge=True)\nx = 'allow_auto_merge'",
    ],
)
def test_a_merge_would_be_seen(source: str) -> None:
    assert list(merging(source))


def test_the_product_has_none() -> None:
    modules = sorted(PACKAGE.rglob("*.py"))
    found = {
        str(path.relative_to(PACKAGE)): list(merging(path.read_text(encoding="utf-8")))
        for path in modules
    }

    assert "bump/pull_request.py" in found
    assert {name: calls for name, calls in found.items() if calls} == ASKED


@pytest.mark.parametrize("name", ASKED)
def test_what_asks_about_it_only_reads(name: str) -> None:
    assert not WRITES.findall((PACKAGE / name).read_text(encoding="utf-8"))
