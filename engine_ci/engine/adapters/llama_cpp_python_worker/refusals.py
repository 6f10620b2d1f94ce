"""Why a request is not fulfilled, in the form of llama-server's errors."""

from __future__ import annotations


class RefusedError(Exception):
    """A request that is not fulfilled.

    Attributes:
        status: of HTTP.
        kind: the `type` of the error.
    """

    def __init__(self, status: int, kind: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.kind = kind


def invalid(message: str) -> RefusedError:
    """A request that makes no sense."""
    return RefusedError(400, "invalid_request_error", message)


def unsupported(what: str) -> RefusedError:
    """Something that this server cannot do, as it was started."""
    return RefusedError(501, "not_supported_error", f"this server does not support {what}")


def refusal(problem: Exception) -> RefusedError:
    """What went wrong, as llama-server would tell it; what the package raises names no more."""
    match problem:
        case RefusedError():
            return problem
        case ValueError() if "exceed" in str(problem):
            return RefusedError(400, "exceed_context_size_error", str(problem))
        case ValueError() | TypeError() | LookupError() | AttributeError():
            return invalid(f"{type(problem).__name__}: {problem}")
        case _:
            return RefusedError(500, "server_error", f"{type(problem).__name__}: {problem}")
