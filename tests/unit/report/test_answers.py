from __future__ import annotations

from engine_ci.records.doctor import Answer, Outcome
from engine_ci.report import answers

FINE = Answer(id="pin/age", outcome=Outcome.OK, observed="moved today")
BAD = Answer(id="gate", outcome=Outcome.FAIL, observed="a | b @ann", hint="run `it` again")


def test_for_a_terminal_each_answer_is_a_line_and_what_to_do_is_under_it() -> None:
    assert answers.text([FINE, BAD]).splitlines() == [
        "ok       pin/age               moved today",
        "fail     gate                  a | b @ann",
        "                               → run `it` again",
    ]


def test_for_a_terminal_what_others_wrote_moves_nothing() -> None:
    loud = Answer(id="gate", outcome=Outcome.FAIL, observed="a\x1b[2Jb\nok  c\u202ed", hint="\r")

    assert answers.text([loud]).splitlines() == [
        "fail     gate                  a\\x1b[2Jb\\nok  c\\u202ed",
        "                               → \\r",
    ]


def test_in_markdown_what_others_wrote_breaks_no_table_and_calls_nobody() -> None:
    assert answers.table([FINE, BAD], subject="job").splitlines() == [
        "| job | result | why |",
        "| --- | --- | --- |",
        "| pin/age | ✅ ok | moved today |",
        "| gate | ❌ fail | a \\| b @\N{ZERO WIDTH SPACE}ann → run \\`it\\` again |",
    ]
