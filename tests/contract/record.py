"""What the last run against the real GitHub said, and the page that shows it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from engine_ci.system.documents import Document, Versioned

if TYPE_CHECKING:
    from tests.contract.real import RealRun

DOCS: Final = Path(__file__).parents[2] / "docs"
RECORD: Final = DOCS / "contract.json"
PAGE: Final = DOCS / "contract.md"

TEXT: Final = """\
# The contract with GitHub

Rendered by `tests/contract/record.py` from `contract.json`, which `make contract` writes; a test
holds this page to it.

**Last run against real GitHub: {when}.**
{details}
What engine-ci relies on of GitHub is written down once, as tests that know an address, a token and
a repository's name (`tests/contract`). `make test` asks them of the
[embedded server](../fixtures/github/README.md). To ask GitHub itself:

```
export ENGINE_CI_CONTRACT_REPOSITORY=owner/name-scratch GITHUB_TOKEN=…
make contract
```

- **The repository** has to be named like one that may be written to: its name ends with `-scratch`.
  It is refused, before anything is written, when it holds more than the suite's own and, on the
  default branch, a README, a licence and a `.gitignore`. What the suite makes begins with
  `engine-ci-contract-`: branches and labels are deleted at the end, also after a failure, and pull
  requests closed, since GitHub deletes none; their comments, statuses and runs of checks stay with
  them. A run that was killed is cleaned up by the next.
- **The token** needs to write contents, issues, pull requests, checks and commit statuses, and to
  read metadata. What needs more is skipped by name and counted:
  `ENGINE_CI_CONTRACT_READER_TOKEN`, the token of somebody who may read only;
  `ENGINE_CI_CONTRACT_REVIEWER`, the login of a collaborator; a ruleset for the default branch; an
  app's token, as a person makes no run of a check.
- **It is recorded** when GitHub was asked for all of it, and not another address in
  `GITHUB_API_URL`; failures and skips too.

It cannot ask for what the REST API does not have: that a draft is made ready, that auto-merge is
switched on, that a pull request joins a merge queue, and so what a `merge_group` event holds. That
the first two cannot be had by an edit, which GitHub takes and ignores, is part of the contract. Nor
does it ask for a merge, the approval of a second person, what a workflow's own token may do, or
until a limit of rates is reached.
"""


class Run(Document):
    """One run: its day, the version of engine-ci, and what became of the tests."""

    day: str
    version: str
    passed: int
    failed: tuple[str, ...]
    skipped: dict[str, str]


class Record(Versioned):
    """The last run; None until there was one."""

    last: Run | None = None


def of(run: RealRun, *, day: str, version: str) -> Record:
    """What is kept of a run."""
    return Record(
        schema=1,
        last=Run(
            day=day,
            version=version,
            passed=len(run.passed),
            failed=tuple(dict.fromkeys(run.failed)),
            skipped=run.skipped,
        ),
    )


def page(record: Record) -> str:
    """The page, in Markdown."""
    run = record.last
    if run is None:
        return TEXT.format(when="never", details="")
    counts = f"{run.passed} passed, {len(run.failed)} failed, {len(run.skipped)} skipped"
    lines = [
        f"With engine-ci {run.version}: {counts}.",
        *(f"- failed: `{name}`" for name in run.failed),
        *(f"- skipped: `{name}`: {reason}" for name, reason in sorted(run.skipped.items())),
    ]
    return TEXT.format(when=run.day, details="\n" + "\n".join(lines) + "\n")
