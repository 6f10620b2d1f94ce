"""Every error a user can see: what happened, what to do next, and the exit code.

Nothing here imports anything of ours. `cli.main` is the only place that prints an error or exits.
"""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    """Exit codes, the same for every command."""

    OK = 0
    GATE_SAYS_NO = 1
    USAGE = 2
    VERIFICATION = 3
    OUTSIDE = 4
    INCONCLUSIVE = 5
    BUG = 70
    HUNG_UP = 129
    INTERRUPTED = 130
    TERMINATED = 143


class EngineCIError(Exception):
    """An expected failure. `message` says what, where, expected and found; `hint` what to do.

    Attributes:
        usual_hint: what to do where whoever raises it knows nothing better.
    """

    exit_code: Exit = Exit.BUG
    usual_hint: str | None = None

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint or self.usual_hint

    def __str__(self) -> str:
        return self.message


class UsageError(EngineCIError):
    """The command line asks for something that makes no sense here."""

    exit_code = Exit.USAGE
    usual_hint = "with `--help`, the command shows what it takes, with an example"


class ConfigError(EngineCIError):
    """`engine-ci.yaml` is incomplete, unknown or wrong."""

    exit_code = Exit.USAGE
    usual_hint = "`engine-ci schema config` says what may stand in it; `engine-ci init` makes one"


class PinError(EngineCIError):
    """A file under `pins/` is incomplete, unknown or wrong."""

    exit_code = Exit.USAGE
    usual_hint = "`engine-ci schema pin` says what has to stand in it; git has what it was before"


class RecordError(EngineCIError):
    """A JSON file that a stage left for the next one is missing or wrong."""

    exit_code = Exit.USAGE
    usual_hint = "run the command that leaves it again: `detect`, `prepare`, `gate`, `check`"


class GoldenError(EngineCIError):
    """A file of known answers is missing or wrong."""

    exit_code = Exit.USAGE
    usual_hint = "git has what it was before; those of an installed program come with it anew"


class UnsupportedError(EngineCIError):
    """This machine or release cannot do what was asked."""

    exit_code = Exit.USAGE


class ForeignCommitError(EngineCIError):
    """Somebody else's work stands where ours would go; a person must decide."""

    exit_code = Exit.USAGE


class VerificationError(EngineCIError):
    """Bytes are not what they should be: digest, archive, closure, signature, audit, model."""

    exit_code = Exit.VERIFICATION


class MachOError(VerificationError):
    """A file is no Mach-O image that is read here, or a damaged one."""


class OutsideError(EngineCIError):
    """The outside failed: the network, GitHub, git, pip or a missing tool."""

    exit_code = Exit.OUTSIDE


class MovedError(OutsideError):
    """A branch of the remote is not where it was seen a moment ago; nothing was changed."""

    usual_hint = "run it again: it begins with what is there now"


class CommandError(OutsideError):
    """A program could not be started, ended with a status other than 0, or ran out of time."""

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        stdout: str = "",
        stderr: str = "",
        hint: str | None = None,
    ) -> None:
        super().__init__(message, hint=hint)
        self.status = status
        self.stdout = stdout
        self.stderr = stderr


class BuildError(OutsideError):
    """Source code could not be built here."""


# What to do where a server gave no answer at all.
NO_ANSWER = (
    "check the network and its proxies, then run it again; a site without a network keeps a "
    "mirror: `engine-ci mirror`"
)

# What to do where GitHub does not know a token.
NOT_LOGGED_IN = (
    "check the token: it is wrong, expired, or of another server; that of a workflow ends with its "
    "job, so re-run the job; an app's lasts an hour; others are made anew in GitHub's "
    "Settings, Developer settings"
)


class GitHubError(OutsideError):
    """GitHub refused or did not answer.

    Attributes:
        status: of HTTP; None when there was no answer.
    """

    def __init__(self, message: str, *, status: int | None = None, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.status = status


class NotThereError(GitHubError):
    """GitHub has no such thing, or does not show it to whoever asked."""


class DownloadError(OutsideError):
    """What was asked for could not be had over the web.

    Attributes:
        status: of HTTP, the last one; None when there was no answer.
    """

    def __init__(self, message: str, *, status: int | None = None, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.status = status


class EngineError(EngineCIError):
    """The engine under test is at fault: it did not start, died, or answered wrongly.

    Attributes:
        log: the last lines that the engine wrote, oldest first.
    """

    exit_code = Exit.GATE_SAYS_NO

    def __init__(self, message: str, *, log: tuple[str, ...] = (), hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.log = log


class EngineStartError(EngineError):
    """The engine never became ready.

    Attributes:
        status: the exit status that it ended with; None when it was still there, or a signal
            ended it.
    """

    def __init__(
        self,
        message: str,
        *,
        log: tuple[str, ...] = (),
        status: int | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(message, log=log, hint=hint)
        self.status = status


class EngineSilentError(EngineStartError):
    """The engine still ran, and was not ready in time."""


class IllegalInstructionError(EngineStartError):
    """The engine's build needs instructions that this machine lacks, so every start is in vain."""


class ClaimError(EngineStartError):
    """No engine here is what it was claimed to be."""


class EngineAnswerError(EngineError):
    """The engine answered with an error, with something unreadable, or not at all."""


class EngineLateError(EngineAnswerError):
    """The engine lived, and did not answer in the time that it was given."""


class EngineDiedError(EngineAnswerError):
    """The engine ended while it was asked."""


class EngineRefusedError(EngineAnswerError):
    """The engine refused a request with an error in its own form, as its API documents it.

    Attributes:
        status: of HTTP.
        kind: the `type` of the error.
        said: its `message`.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int = 0,
        kind: str = "",
        said: str = "",
        hint: str | None = None,
    ) -> None:
        super().__init__(message, hint=hint)
        self.status = status
        self.kind = kind
        self.said = said


class NotAdmittedError(EngineCIError):
    """A request was not let through to the engine, which was never asked."""

    exit_code = Exit.OUTSIDE


class NeverFitsError(NotAdmittedError):
    """A request may take more of the engine's cache than there is; to wait would be in vain."""

    exit_code = Exit.USAGE


class HarnessError(EngineCIError):
    """Our own harness could not ask the question; says nothing about the engine."""

    exit_code = Exit.OUTSIDE
    usual_hint = "this says nothing of the engine: run it again"
