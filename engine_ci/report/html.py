"""Pure. A gate result as one HTML page that needs no network, no script and no other file.

Everything out of the result is escaped by the template engine, and what nobody can see (control
characters, changes of direction) is spelled out.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup

from engine_ci.report import summary
from engine_ci.system.markdown import visible

if TYPE_CHECKING:
    from engine_ci.records.gate import GateResult


def render(result: GateResult) -> str:
    """The whole page: the verdict first, what went wrong before what went well."""
    return _template().render(result=result, summary=summary)


def _shown(value: object) -> object:
    """What an expression of the template puts onto the page, before it is escaped."""
    if isinstance(value, Markup):
        return value
    return "\n".join(visible(line) for line in str(value).splitlines())


@cache
def _template() -> Template:
    environment = Environment(
        loader=PackageLoader("engine_ci", "report"),
        undefined=StrictUndefined,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        finalize=_shown,
    )
    return environment.get_template("gate.html.j2")
