"""What a required check decided of a change, and why."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from engine_ci.records.doctor import Answer, Outcome
from engine_ci.system.documents import Document, Versioned

# The jobs of the workflows that a repository has to require, and the app that runs them.
GATE_CHECK: Final = "engine-gate"
REVIEW_CHECK: Final = "engine-review"
CHECKING_APP: Final = "github-actions"
# Of that app on github.com, as the rules of a branch name it. Another server has another one, and
# is taken for one whose rules are not known.
CHECKING_APP_ID: Final = 15368
# With it on a bump, a maintainer takes the answer for what the host was too noisy to tell.
OVERRIDE_LABEL: Final = "engine-gate-override"


class Override(Document):
    """That a maintainer answers for what no host could tell.

    Attributes:
        by: the login of a person.
        at: when the label was set.
    """

    by: str
    at: datetime


class Decision(Versioned):
    """What was asked, and the answers.

    Attributes:
        commit: that it is about.
        answers: one for each job, or each question.
        override: what was counted in place of a verdict.
    """

    commit: str
    answers: tuple[Answer, ...]
    override: Override | None = None

    @property
    def passed(self) -> bool:
        """Whether something was asked, and nothing speaks against it or could not be told."""
        sound = (Outcome.OK, Outcome.WARN)
        return bool(self.answers) and all(answer.outcome in sound for answer in self.answers)
