from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, get_args

import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from engine_ci.bump import required
from engine_ci.bump.evidence import Asked, Evidence
from engine_ci.bump.jobs import ARTIFACTS
from engine_ci.bump.required import JOBS, Ended
from engine_ci.records.change import Change, Stray
from engine_ci.records.decision import Override
from engine_ci.records.doctor import Outcome
from engine_ci.records.gate import Status, Verdict
from tests.unit.bump import checked, records
from tests.unit.bump.checked import asked, change, gated, left, needs

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine_ci.records.decision import Decision
    from engine_ci.records.gate import GateResult

NOISY = left(Verdict.INCONCLUSIVE)
WORD = Override(by="ann", at=records.NOW)
FINE = {"gate": left(), "oldest": left()}
ORDINARY = change(bump=False, pin_moved=False)


def decide(
    ended: Mapping[str, Ended] | None = None,
    about: Asked | None = None,
    *,
    results: Mapping[str, Evidence | str] = FINE,
    override: Override | str | None = None,
) -> Decision:
    return required.decide(
        needs() if ended is None else ended, about or asked(), results=results, override=override
    )


def answers(decision: Decision) -> dict[str, tuple[Outcome, str]]:
    return {each.id: (each.outcome, each.observed) for each in decision.answers}


def ordinary(verdict: Verdict = Verdict.PASS) -> tuple[Asked, dict[str, Evidence | str]]:
    """A change that moves no pin, and what its gate left."""
    return asked(ORDINARY), {"gate": left(verdict, pin_moved=False)}


def test_a_bump_whose_jobs_all_passed_is_fine() -> None:
    decision = decide()

    assert decision.passed
    assert answers(decision) == {
        "changes": (Outcome.OK, "a bump, moves a pin"),
        "linux": (Outcome.OK, "success"),
        "gate": (Outcome.OK, "pass"),
        "oldest": (Outcome.OK, "pass"),
        "again": (Outcome.OK, "not asked for: nothing of a bump was left in doubt"),
        "metal": (
            Outcome.OK,
            "not asked for: no Mac with a GPU of its own is set up, or it is a fork's change",
        ),
    }
    assert decision.commit == checked.HEAD


def test_an_ordinary_change_needs_no_oldest_system() -> None:
    about, results = ordinary()

    decision = decide(needs(oldest="skipped"), about, results=results)

    assert decision.passed
    assert answers(decision)["changes"] == (Outcome.OK, "no bump, moves no pin")
    assert answers(decision)["oldest"] == (Outcome.OK, "not asked for: no pin moves")


@pytest.mark.parametrize("job", JOBS)
def test_a_job_that_is_not_among_the_needs_is_a_failure(job: str) -> None:
    ended = {name: how for name, how in needs().items() if name != job}

    decision = decide(ended)

    assert not decision.passed
    assert "found nothing of it" in answers(decision)[job][1]


@pytest.mark.parametrize("job", ["changes", "linux", "gate", "oldest"])
@pytest.mark.parametrize("how", ["skipped", "failure", "cancelled"])
def test_a_job_that_had_to_run_and_did_not_succeed_is_a_failure(job: str, how: Ended) -> None:
    decision = decide(needs() | {job: how})

    assert not decision.passed
    assert answers(decision)[job][0] is Outcome.FAIL
    assert answers(decision)[job][1].startswith(how)


def test_a_job_of_the_apps_own_has_to_succeed_too() -> None:
    assert decide(needs() | {"own": "success"}).passed
    for how in ("skipped", "failure", "cancelled"):
        assert not decide(needs() | {"own": how}).passed


@pytest.mark.parametrize(
    ("found", "told"),
    [
        ("changes.json: there is no such file", "changes.json: there is no such file"),
        (change(head="c" * 40), f"expected {'a' * 40}, found {'c' * 40}"),
        (
            change(strays=(Stray(path="a.py", why="other"), Stray(path="b", why="other"))),
            "not part of a bump: a.py: other (2 in all)",
        ),
    ],
)
def test_without_a_sound_record_of_what_changed_nothing_passes(
    found: Change | str, told: str
) -> None:
    decision = decide(about=asked(found))

    assert not decision.passed
    assert told in answers(decision)["changes"][1]


@pytest.mark.parametrize(
    "found", ["not readable", change(bump=False, pin_moved=False, head="c" * 40)]
)
def test_where_it_is_not_known_what_changed_no_job_is_spared(found: Change | str) -> None:
    decision = decide(needs(oldest="skipped"), asked(found))

    assert answers(decision)["oldest"] == (Outcome.FAIL, "skipped")
    assert answers(decision)["again"] == (Outcome.FAIL, "skipped")


@pytest.mark.parametrize("job", ["gate", "oldest"])
def test_a_job_without_a_record_that_can_be_read_is_a_failure(job: str) -> None:
    unread = decide(results=FINE | {job: "check.json: not readable as JSON"})
    absent = decide(results={name: each for name, each in FINE.items() if name != job})

    assert answers(unread)[job] == (Outcome.FAIL, "success; check.json: not readable as JSON")
    assert answers(absent)[job] == (Outcome.FAIL, "success; it left no record")


def forged(result: GateResult, **changes: object) -> Evidence:
    """Evidence with this result, whose hash and verdict are told as they are."""
    sha256 = checked.sha256(result)
    return Evidence(record=checked.record(result, **changes), result=result, gate_sha256=sha256)


@pytest.mark.parametrize(
    ("evidence", "told"),
    [
        (left(head="c" * 40), f"the commit: expected {'a' * 40}, found {'c' * 40}"),
        (left(base="c" * 40), f"its base: expected {'b' * 40}, found {'c' * 40}"),
        (left(base=None), f"its base: expected {'b' * 40}, found None"),
        (left(pin_moved=False), "that a pin moved: expected True, found False"),
        (left(candidate="0.2.0"), "llama.cpp 0.2.0 is no engine of this commit"),
        (left(pin="other"), "other 0.1.3 is no engine of this commit"),
        (replace(left(), gate_sha256="0" * 64), f"found {'0' * 64}"),
        (left(verdict=Verdict.INCONCLUSIVE), "expected inconclusive, found pass"),
        (
            forged(gated(Verdict.FAIL, verdict=Verdict.PASS)),
            "the verdict that follows from the checks: expected fail, found pass",
        ),
        (
            forged(gated(Verdict.ERROR, verdict=Verdict.INCONCLUSIVE)),
            "the verdict that follows from the checks: expected error, found inconclusive",
        ),
        (
            forged(gated(checks=(), verdict=Verdict.PASS)),
            "the verdict that follows from the checks: expected error, found pass",
        ),
        (
            forged(gated(checks=(records.check("tokens/a"),))),
            "nothing was asked of loads",
        ),
        (
            forged(
                gated(
                    engines=records.result().engines.model_copy(
                        update={"candidate": records.engine("0.1.2", tree="e")}
                    )
                )
            ),
            "the engine: expected llama.cpp 0.1.3, found llama.cpp 0.1.2",
        ),
        (
            forged(gated(engines=records.result().engines.model_copy(update={"baseline": None}))),
            "expected inconclusive, found pass",
        ),
    ],
)
def test_a_record_that_is_mixed_up_or_forged_is_a_failure_that_says_how(
    evidence: Evidence, told: str
) -> None:
    decision = decide(results=FINE | {"gate": evidence})

    outcome, observed = answers(decision)["gate"]
    assert outcome is Outcome.FAIL
    assert told in observed
    assert not decision.passed


def test_one_record_does_not_stand_for_two_jobs() -> None:
    decision = decide(results=dict.fromkeys(("gate", "oldest"), left()))

    told = "success; its record does not hold: another job left the same gate.json"
    assert answers(decision)["oldest"] == (Outcome.FAIL, told)
    assert not decision.passed


def test_a_baseline_that_would_not_run_leaves_it_inconclusive_and_that_follows() -> None:
    refused = forged(gated(verdict=Verdict.INCONCLUSIVE), pin_moved=False)

    decision = decide(needs(oldest="skipped"), asked(ORDINARY), results={"gate": refused})

    assert decision.passed


def test_speed_that_was_measured_counts_as_asked() -> None:
    about = asked(suites=("loads", "performance"))

    assert decide(about=about).passed
    quiet = forged(gated(performance=()))
    assert (
        "nothing was asked of performance"
        in answers(decide(about=about, results=FINE | {"gate": quiet}))["gate"][1]
    )


SPEED = ("loads", "tokens", "performance")
SKIPPED = records.check("performance/prompt", status=Status.SKIP)
ASKED = (records.check("loads/a"), records.check("tokens/a"))


def test_the_oldest_system_alone_need_not_be_asked_about_speed() -> None:
    spared = forged(gated(performance=()))
    about = asked(suites=SPEED)

    fine = decide(about=about, results=FINE | {"oldest": spared})
    metal = decide(needs(metal="success"), about, results=FINE | {"metal": spared})

    assert fine.passed
    assert "nothing was asked of performance" in answers(metal)["metal"][1]


def test_the_oldest_system_is_asked_everything_else() -> None:
    less = forged(gated(checks=(records.check("loads/a"),)))

    decision = decide(results=FINE | {"oldest": less})

    assert "nothing was asked of tokens" in answers(decision)["oldest"][1]


def test_a_record_of_the_oldest_system_does_not_stand_for_the_gate() -> None:
    spared = forged(gated(performance=()))

    decision = decide(about=asked(suites=SPEED), results={"gate": spared, "oldest": left()})

    assert not decision.passed
    assert "nothing was asked of performance" in answers(decision)["gate"][1]


def test_another_engine_does_not_pass_when_its_speed_was_only_skipped() -> None:
    """As where the gate was told to screen only, or skips were written into its record."""
    screened = forged(gated(checks=(*ASKED, SKIPPED), performance=()))

    decision = decide(about=asked(suites=SPEED), results=FINE | {"gate": screened})

    assert "it passed another engine without its speed" in answers(decision)["gate"][1]


def test_the_speed_of_the_same_bytes_need_not_be_measured() -> None:
    engines = records.result().engines
    assert engines.baseline is not None
    same = engines.candidate.model_copy(update={"tree_sha256": engines.baseline.tree_sha256})
    result = gated(
        checks=(*ASKED, SKIPPED),
        performance=(),
        engines=engines.model_copy(update={"candidate": same}),
    )

    assert decide(about=asked(suites=SPEED), results=FINE | {"gate": forged(result)}).passed


@pytest.mark.parametrize(("restarts", "passes"), [(11, False), (12, True)])
def test_speed_counts_after_as_many_restarts_as_the_configured_profile_takes(
    restarts: int, passes: bool
) -> None:
    early = forged(gated(performance=(records.measurement(restarts=restarts),)))

    decision = decide(about=asked(suites=SPEED), results=FINE | {"gate": early})

    assert decision.passed is passes
    told = "generation was judged too early: restarts: expected 12 at least, found 11"
    assert (told in answers(decision)["gate"][1]) is not passes


def test_what_has_regressed_is_refused_for_that_however_early_it_was_seen() -> None:
    collapsed = gated(
        Verdict.FAIL, performance=(records.measurement(restarts=2, verdict="regressed"),)
    )

    decision = decide(needs(gate="failure"), results=FINE | {"gate": forged(collapsed)})

    assert answers(decision)["gate"][1].startswith("the gate says fail")


@pytest.mark.parametrize("how", ["success", "failure"])
@pytest.mark.parametrize("verdict", [Verdict.FAIL, Verdict.ERROR])
def test_what_the_gate_refused_stays_refused_however_the_job_ended(
    how: Ended, verdict: Verdict
) -> None:
    results = FINE | {"gate": left(verdict)}

    decision = decide(needs(gate=how), results=results, override=WORD)

    assert not decision.passed
    assert answers(decision)["gate"][1].startswith(f"the gate says {verdict}")


def test_a_refusal_names_the_first_checks_that_failed() -> None:
    names = [f"tokens/{letter}" for letter in "abcde"]
    failed = tuple(records.check(name, status=Status.FAIL) for name in names)
    many = forged(gated(Verdict.FAIL, checks=(records.check("loads/a"), *failed)))

    decision = decide(needs(gate="failure"), results=FINE | {"gate": many})

    told = "the gate says fail: tokens/a, tokens/b, tokens/c and 2 more"
    assert answers(decision)["gate"] == (Outcome.FAIL, told)


def test_a_job_that_failed_beside_a_gate_that_passed_is_a_failure() -> None:
    decision = decide(needs(gate="failure"))

    assert answers(decision)["gate"][0] is Outcome.FAIL
    assert "its record says pass" in answers(decision)["gate"][1]


@pytest.mark.parametrize("how", ["success", "failure"])
def test_an_ordinary_change_in_doubt_is_fine_with_a_warning(how: Ended) -> None:
    about, results = ordinary(Verdict.INCONCLUSIVE)

    decision = decide(needs(oldest="skipped", gate=how), about, results=results)

    assert decision.passed
    assert answers(decision)["gate"][0] is Outcome.WARN


@pytest.mark.parametrize("how", ["success", "failure"])
def test_a_bump_in_doubt_needs_the_pass_of_a_fresh_runner(how: Ended) -> None:
    doubt = needs(gate=how, again="success")

    settled = decide(doubt, results=FINE | {"gate": NOISY, "again": left()})
    spared = decide(needs(gate=how), results=FINE | {"gate": NOISY})

    assert settled.passed
    assert answers(settled)["gate"] == (
        Outcome.WARN,
        "inconclusive here, and pass on another runner: again",
    )
    assert not spared.passed
    assert answers(spared)["again"] == (Outcome.FAIL, "skipped")


@pytest.mark.parametrize("how", ["success", "failure"])
def test_a_bump_that_no_runner_can_tell_needs_a_maintainers_word(how: Ended) -> None:
    doubt = needs(gate=how, again=how)
    results = FINE | {"gate": NOISY, "again": left(Verdict.INCONCLUSIVE)}

    without, answered = (
        decide(doubt, results=results),
        decide(doubt, results=results, override=WORD),
    )
    refused = decide(doubt, results=results, override="set by a bot")

    assert not without.passed
    assert "engine-gate-override" in next(each.hint for each in without.answers if each.hint)
    assert answered.passed
    assert answered.override == WORD
    assert "ann answers for it since 2026" in answers(answered)["again"][1]
    assert not refused.passed
    assert answers(refused)["engine-gate-override"] == (Outcome.FAIL, "set by a bot")


def test_a_doubt_on_the_oldest_system_is_settled_by_a_pass_on_the_other() -> None:
    decision = decide(needs(oldest="failure"), results=FINE | {"oldest": NOISY})

    assert decision.passed
    assert answers(decision)["oldest"][1].endswith("pass on another runner: gate")


def test_a_job_on_a_mac_of_ones_own_counts_once_it_runs() -> None:
    fine = decide(needs(metal="success"), results=FINE | {"metal": left()})
    wrong = decide(needs(metal="failure"), results=FINE | {"metal": left(Verdict.FAIL)})

    assert fine.passed
    assert not wrong.passed


ENDED = st.sampled_from(get_args(Ended))
KNOWN = st.builds(change, bump=st.booleans(), pin_moved=st.booleans())
CHANGES: st.SearchStrategy[Change | str] = st.one_of(KNOWN, KNOWN, KNOWN, st.just("not readable"))
WORDS = st.sampled_from([None, None, WORD, "set by a bot"])


@st.composite
def runs(draw: st.DrawFn) -> tuple[dict[str, Ended], Change | str, dict[str, Evidence | str]]:
    """How jobs ended, of what change, and what they left: most of it as it should be."""
    found = draw(CHANGES)
    moved = isinstance(found, Change) and found.pin_moved
    fine = {job: st.just(how) for job, how in needs().items()}
    any_end = st.fixed_dictionaries({}, optional={job: how | ENDED for job, how in fine.items()})
    good = st.builds(left, pin_moved=st.just(moved))
    any_evidence: st.SearchStrategy[Evidence | str] = st.one_of(
        good,
        st.builds(left, st.sampled_from(Verdict), pin_moved=st.just(moved)),
        st.just("it left no record") | st.builds(left, head=st.just("c" * 40)),
    )
    evidence = draw(st.sampled_from([good, good, any_evidence]))
    ended = draw(st.sampled_from([st.fixed_dictionaries(fine), any_end]))
    return draw(ended), found, draw(st.fixed_dictionaries(dict.fromkeys(ARTIFACTS, evidence)))


@given(runs(), WORDS)
def test_removing_a_job_never_turns_red_to_green(
    of: tuple[dict[str, Ended], Change | str, dict[str, Evidence | str]],
    word: Override | str | None,
) -> None:
    ended, found, results = of
    before = decide(ended, asked(found), results=results, override=word)

    for job in set(ended) & set(JOBS):
        fewer = {name: how for name, how in ended.items() if name != job}
        after = decide(fewer, asked(found), results=results, override=word)
        assert not after.passed
    for job in results:
        less = {name: each for name, each in results.items() if name != job}
        after = decide(ended, asked(found), results=less, override=word)
        assert before.passed or not after.passed


@given(runs(), WORDS)
def test_whatever_the_jobs_say_green_means_that_the_gate_was_asked_and_did_not_refuse(
    of: tuple[dict[str, Ended], Change | str, dict[str, Evidence | str]],
    word: Override | str | None,
) -> None:
    ended, found, results = of
    decision = decide(ended, asked(found), results=results, override=word)

    event("green" if decision.passed else "red")
    if not decision.passed:
        return
    assert isinstance(found, Change)
    assert ended["changes"] == ended["linux"] == "success"
    gate = results["gate"]
    assert isinstance(gate, Evidence)
    assert gate.record.head == checked.HEAD
    verdicts = {each.result.verdict for each in results.values() if isinstance(each, Evidence)}
    ran = {
        each.result.verdict
        for job, each in results.items()
        if isinstance(each, Evidence) and ended[job] != "skipped"
    }
    assert ran <= {Verdict.PASS, Verdict.INCONCLUSIVE}
    assert verdicts
    if found.bump and Verdict.PASS not in ran:
        assert decision.override == WORD
    if found.pin_moved:
        assert ended["oldest"] != "skipped"
