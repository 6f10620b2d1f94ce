"""Pure. A run against a server that somebody named: what became of each test."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest

    from tests.contract.place import Place


# pytest keeps its plugins in a set.
@dataclass(eq=False)
class RealRun:
    """A plugin of pytest that gives the tests their place, and counts."""

    place: Place
    passed: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take note of a test; to fail before it or after it is to fail too."""
        name = report.nodeid.rpartition("::")[2]
        if report.failed:
            self.failed.append(name)
        elif report.skipped and isinstance(report.longrepr, tuple):
            self.skipped[name] = report.longrepr[2].removeprefix("Skipped: ")
        elif report.when == "call":
            self.passed.append(name)


def of(config: pytest.Config) -> RealRun | None:
    """The run that these tests are part of; None where nobody named a server."""
    plugins = config.pluginmanager.get_plugins()
    return next((each for each in plugins if isinstance(each, RealRun)), None)
