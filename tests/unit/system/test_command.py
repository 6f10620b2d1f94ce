from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import pytest

from engine_ci.errors import CommandError
from engine_ci.system import command

if TYPE_CHECKING:
    from pathlib import Path


def python(code: str, *arguments: str) -> list[str]:
    return [sys.executable, "-c", code, *arguments]


def test_status_and_both_outputs_come_back() -> None:
    done = command.run(python("import sys; print('out'); print('err', file=sys.stderr)"))

    assert (done.status, done.stdout, done.stderr) == (0, "out\n", "err\n")


def test_arguments_are_words_and_no_shell_reads_them() -> None:
    done = command.run(python("import sys; print(sys.argv[1])", "$(id); `id` * \"'"))

    assert done.stdout == "$(id); `id` * \"'\n"


def test_output_that_is_not_utf8_is_decoded_leniently() -> None:
    done = command.run(python(r"import sys; sys.stdout.buffer.write(b'a\xffb')"))

    assert done.stdout == "a\N{REPLACEMENT CHARACTER}b"


def test_standard_input_is_empty_unless_it_is_given() -> None:
    echo = python("import sys; print(repr(sys.stdin.read()))")

    assert command.run(echo).stdout == "''\n"
    assert command.run(echo, stdin="said").stdout == "'said'\n"


def test_a_program_runs_where_it_is_told_to(tmp_path: Path) -> None:
    done = command.run(python("import os; print(os.getcwd())"), cwd=tmp_path)

    assert done.stdout == f"{tmp_path.resolve()}\n"


def test_a_failure_is_an_error_with_the_command_its_status_and_the_end_of_what_it_said() -> None:
    code = "import sys; [print('line', n, file=sys.stderr) for n in range(20)]; sys.exit(3)"
    with pytest.raises(CommandError) as caught:
        command.run(python(code))

    message = str(caught.value)
    assert "ended with status 3" in message
    assert message.splitlines()[1:] == [f"    line {number}" for number in range(8, 20)]
    assert (caught.value.status, caught.value.exit_code) == (3, 4)
    assert caught.value.stderr.startswith("line 0\n")


def test_a_failure_that_said_nothing_on_stderr_quotes_stdout() -> None:
    with pytest.raises(CommandError, match="why it failed") as caught:
        command.run(python("print('why it failed'); raise SystemExit(1)"))

    assert caught.value.stdout == "why it failed\n"


def test_a_failure_is_a_result_where_that_is_asked_for() -> None:
    assert command.run(python("raise SystemExit(7)"), check=False).status == 7


def test_a_missing_program_is_named_with_what_to_do() -> None:
    with pytest.raises(CommandError, match="`no-such-program` could not be started") as caught:
        command.run(["no-such-program", "--version"])

    assert caught.value.hint == "install `no-such-program` or put it on PATH"
    assert caught.value.status is None


def test_a_file_that_is_no_program_is_named(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("not a program")
    with pytest.raises(CommandError, match=r"notes\.txt` could not be started: .*denied"):
        command.run([path])


def test_a_missing_folder_is_named_and_not_the_program(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match=r"No such file or directory: .*/nowhere$"):
        command.run(python("pass"), cwd=tmp_path / "nowhere")


def test_a_program_that_does_not_end_in_time_is_killed() -> None:
    with pytest.raises(CommandError, match=r"did not end within 0\.1 s and was killed"):
        command.run(python("import signal; signal.pause()"), timeout_s=0.1)


def test_a_child_sees_what_any_program_needs_and_no_secret(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("GITHUB_TOKEN", "secret")
    monkeypatch.setenv("LANG", "C.UTF-8")
    done = command.run(python("import os; print(*sorted(os.environ))"))
    seen = done.stdout.split()

    assert {"PATH", "LANG"} <= set(seen)
    assert "GITHUB_TOKEN" not in seen


def test_names_with_a_prefix_are_passed_on_where_that_is_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PIP_RETRIES", "0")
    monkeypatch.setenv("PIPER", "1")

    assert "PIP_RETRIES" not in command.child_environment()
    assert command.child_environment("PIP_")["PIP_RETRIES"] == "0"
    assert "PIPER" not in command.child_environment("PIP_")


def test_an_environment_that_is_given_is_the_whole_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LANG", "C.UTF-8")
    code = "import os; print(os.environ.get('LANG'), os.environ['ONLY'])"
    done = command.run(python(code), env={"ONLY": "this", "PATH": os.environ["PATH"]})

    assert done.stdout == "None this\n"


def test_lines_are_heard_as_they_come() -> None:
    code = "import sys; print('one', flush=True); print('two', file=sys.stderr); input()"
    heard: list[str] = []
    with pytest.raises(CommandError, match="EOFError"):
        command.follow(python(code), heard=heard.append)

    assert heard[:2] == ["one\n", "two\n"]


def test_of_what_is_followed_no_token_is_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_TOKEN", "secret")
    heard: list[str] = []

    command.follow(python("import os; print('GITHUB_TOKEN' in os.environ)"), heard=heard.append)
    command.follow(python("import os; print(os.environ['A'])"), heard=heard.append, env={"A": "b"})

    assert heard == ["False\n", "b\n"]


def test_what_is_followed_for_too_long_is_killed() -> None:
    heard: list[str] = []
    with pytest.raises(CommandError, match=r"did not end within 0\.2 s and was killed"):
        command.follow(python("import time; time.sleep(60)"), heard=heard.append, timeout_s=0.2)


def test_a_program_to_follow_that_is_missing_is_named() -> None:
    with pytest.raises(CommandError, match="`no-such-program` could not be started"):
        command.follow(["no-such-program"], heard=print)
