from __future__ import annotations

from contextlib import redirect_stderr
from io import StringIO
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from engine_ci.errors import OutsideError
from engine_ci.system import actions, markdown
from tests.unit.system.runner import Command, commands, outputs

if TYPE_CHECKING:
    from pathlib import Path

ACTIONS = {"GITHUB_ACTIONS": "true"}
HOSTILE = (
    "::set-output name=verdict::pass",
    "  ::add-mask::a",
    "x ##[set-output name=verdict;]pass",
    "\r::set-output name=bump::true",
    "x\n\t::warning file=a::b",
    "::stop-commands::mine\n::error::a",
    "%0A::error::b",
    "100 %25 :: , =",
    "\u2028::notice::c",
    "\ud800",
)
TEXTS = st.one_of(st.sampled_from(HOSTILE), st.text(max_size=60))


def printed(*annotations: tuple[str, str | None], between: str = "") -> str:
    """What a step prints that annotates, and prints texts of others before and after."""
    with redirect_stderr(StringIO()) as stderr:
        actions.stop_commands(environment=ACTIONS)
        for message, title in annotations:
            stderr.write(f"{between}\n")
            actions.annotate("error", message, title=title, environment=ACTIONS)
        stderr.write(f"{between}\n")
    return stderr.getvalue()


@given(message=TEXTS, title=st.none() | TEXTS, between=TEXTS)
@example(message="a", title=" ", between="")
@example(message="a", title="x=y,file=z::b", between="::error::hostile")
def test_the_runner_obeys_our_annotations_and_nothing_else(
    message: str, title: str | None, between: str
) -> None:
    said = printed((message, title), (message, None), between=between)

    data = "\n".join(markdown.visible(line) for line in message.splitlines())
    shown = markdown.visible(title or "").strip()
    properties = {"title": shown} if shown else {}
    assert commands(said) == [
        Command(name="error", properties=properties, data=data),
        Command(name="error", data=data),
    ]


@pytest.mark.parametrize("text", HOSTILE[:5])
def test_those_texts_would_be_commands_if_nobody_stopped_them(text: str) -> None:
    assert commands(text)


def test_an_annotation_shows_beside_a_file() -> None:
    with redirect_stderr(StringIO()) as stderr:
        actions.annotate(
            "warning", "a\nb: 5 %", title="t: u", file="pins/a,b.yaml", environment=ACTIONS
        )

    _, command, _ = stderr.getvalue().splitlines()
    assert command == "::warning title=t%3A u,file=pins/a%2Cb.yaml::a%0Ab: 5 %25"


def test_a_long_message_is_cut_where_the_runner_would() -> None:
    with redirect_stderr(StringIO()) as stderr:
        actions.annotate("notice", "%" * 5000, environment=ACTIONS)

    (command,) = commands(stderr.getvalue())
    assert command.data == "%" * 4096


@given(name=st.from_regex(r"\A[a-z-]{1,9}\Z"), value=TEXTS)
def test_an_output_is_read_as_it_was_meant(
    name: str, value: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    file = tmp_path_factory.mktemp("step") / "output"
    environment = {"GITHUB_OUTPUT": str(file)}

    actions.output(name, value, environment=environment)
    actions.output("last", "true", environment=environment)

    expected = value.encode(errors="backslashreplace").decode()
    assert outputs(file.read_bytes().decode()) == {name: expected} | {"last": "true"}


def test_a_value_cannot_end_itself(tmp_path: Path) -> None:
    file = tmp_path / "output"
    environment = {"GITHUB_OUTPUT": str(file)}
    actions.output("notes", "a", environment=environment)
    (_, end) = file.read_text().splitlines()[0].split("<<")

    actions.output("notes", f"a\n{end}\nbump=true", environment=environment)

    assert outputs(file.read_text()) == {"notes": f"a\n{end}\nbump=true"}


def test_pages_of_one_step_follow_each_other(tmp_path: Path) -> None:
    environment = {"GITHUB_STEP_SUMMARY": str(tmp_path / "page")}

    actions.summary("# one", environment=environment)
    actions.summary("# two", environment=environment)

    assert (tmp_path / "page").read_text() == "# one\n# two\n"


@pytest.mark.parametrize("line", ["ä" * 99, "a" * 100])
def test_a_page_is_cut_at_a_line_before_github_refuses_it(tmp_path: Path, line: str) -> None:
    page = tmp_path / "page"
    environment = {"GITHUB_STEP_SUMMARY": str(page)}
    actions.summary("first", environment=environment)

    actions.summary("\n".join([line] * 20_000), environment=environment)

    written = page.read_bytes()
    *kept, blank, note = written.decode().splitlines()
    assert actions.SUMMARY_BYTES - 300 < len(written) <= actions.SUMMARY_BYTES
    assert set(kept) == {"first", line}
    assert (blank, note[:20]) == ("", "*The rest did not fi")


@pytest.mark.parametrize("free", [0, 40, 200])
def test_on_a_full_page_nothing_more_is_written(tmp_path: Path, free: int) -> None:
    page = tmp_path / "page"
    page.write_bytes(b"x" * (actions.SUMMARY_BYTES - free))

    actions.summary("y" * 5000, environment={"GITHUB_STEP_SUMMARY": str(page)})

    assert page.stat().st_size == actions.SUMMARY_BYTES - free


def test_a_file_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(OutsideError, match=r"none/output: cannot be written: No such file"):
        actions.output("a", "b", environment={"GITHUB_OUTPUT": str(tmp_path / "none/output")})


def test_elsewhere_nothing_is_said(capfd: pytest.CaptureFixture[str]) -> None:
    actions.stop_commands(environment={})
    actions.annotate("error", "a", environment={"GITHUB_ACTIONS": "false"})
    actions.summary("a", environment={})
    actions.output("a", "b", environment={"GITHUB_OUTPUT": ""})

    assert capfd.readouterr() == ("", "")
