"""Pure. Templates of what GitHub shows, which escape whatever they are given.

Names and words of upstream and of engines are untrusted: an expression of a template comes out as
inert text unless it passed one of the filters below, and none is longer than a reader would read.
"""

from __future__ import annotations

from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from engine_ci.system import markdown

_LONGEST = 300
_LONGEST_NAME = 100


class _Markdown(str):
    """Text that may mark up."""

    __slots__ = ()


def template(name: str) -> Template:
    """The template of that file."""
    return _environment().get_template(name)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("engine_ci", "bump"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=False,  # noqa: S701 - Markdown, not HTML: `finalize` escapes every expression
        finalize=_finalize,
    )
    environment.filters |= {
        "code": _code,
        "codes": lambda names: _Markdown(", ".join(map(_code, names))),
        "cell": lambda name: _Markdown(markdown.cell(name)),
        "block": lambda lines: _Markdown(markdown.block("\n".join(map(_cut, lines)))),
        "count": lambda number: _Markdown(f"{number:,}"),
        "markdown": _Markdown,
    }
    return environment


def _finalize(value: object) -> object:
    if isinstance(value, _Markdown | int):
        return value
    return markdown.plain(_cut(str(value)))


def _code(name: str) -> _Markdown:
    return _Markdown(markdown.code(_cut(name, most=_LONGEST_NAME)))


def _cut(text: str, *, most: int = _LONGEST) -> str:
    # What nobody can see takes ten characters once it is spelled out.
    shown = markdown.visible(" ".join(text.split()))
    return shown if len(shown) <= most else f"{shown[:most]} …"
