"""Pure. The states that one engine can be in, as they are told in events."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from engine_ci.system.documents import Document


class Stopped(Document):
    """Nothing runs, as was asked for."""

    name: Literal["stopped"] = "stopped"


class Starting(Document):
    """It is asked whether an engine may be spawned; then one is, and is not ready yet."""

    name: Literal["starting"] = "starting"


class Ready(Document):
    """The engine answers."""

    name: Literal["ready"] = "ready"


class Stopping(Document):
    """The engine is being ended."""

    name: Literal["stopping"] = "stopping"


class Restarting(Document):
    """The engine has crashed, and is started again after a while.

    Attributes:
        attempt: the first is 1.
        last_error: how it ended.
    """

    name: Literal["restarting"] = "restarting"
    attempt: int
    last_error: str


class Failed(Document):
    """The engine has crashed more often in a row than it is started again.

    Attributes:
        attempts: that were made.
        last_error: how the last one ended.
    """

    name: Literal["failed"] = "failed"
    attempts: int
    last_error: str


class NotSpawning(Document):
    """No engine was started, since it could not have run.

    Attributes:
        reason: what is missing.
    """

    name: Literal["not_spawning"] = "not_spawning"
    reason: str


State = Annotated[
    Stopped | Starting | Ready | Stopping | Restarting | Failed | NotSpawning,
    Field(discriminator="name"),
]
