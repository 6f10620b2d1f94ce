from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from engine_ci.bump import changes, validation
from engine_ci.config import ALL_SUITES
from engine_ci.pins.model import Commit
from engine_ci.records.gate import Devices, Engines, GateResult, Status, Verdict
from tests.unit.bump import records
from tests.unit.bump.records import check, measurement, result

if TYPE_CHECKING:
    from engine_ci.bump.validation import Note
    from engine_ci.records.bundle import Bundle
    from engine_ci.records.candidate import Candidate


def told(notes: tuple[Note, ...]) -> dict[str, str]:
    return {note.subject: note.text for note in notes}


def risks(
    *,
    elsewhere: tuple[Note, ...] = (),
    after: Bundle | None = None,
    before: Bundle | None = None,
    seen: Candidate | None = None,
    judged: GateResult | None = None,
    argv: tuple[str, ...] = (),
    commit: Commit | None = None,
) -> dict[str, str]:
    """Of a bump with nothing to worry about but what is given."""
    whole = Commit(id="1" * 40)
    bundle = after or records.bundle(findings=())
    judged = judged or result(checks=(check(),), engines=_same_flags())
    notes = validation.risks(
        old=records.pin(commit=whole),
        new=records.pin(version="0.1.3", commit=commit or Commit(id="2" * 40)),
        candidate=seen or records.candidate(refused=()),
        bundle=bundle,
        changes=changes.compare(before, bundle, engines=judged.engines),
        elsewhere=elsewhere,
        result=judged,
        argv=argv,
    )
    return told(notes)


def _same_flags() -> Engines:
    flags = ("--port",)
    return Engines(
        candidate=records.engine("0.1.3", tree="e", flags=flags),
        baseline=records.engine("0.1.2", tree="f", flags=flags),
    )


def test_all_suites_on_both_engines_are_a_comparison() -> None:
    every = tuple(check(f"{suite}/a") for suite in ALL_SUITES if suite != "performance")

    assert validation.tier(result(checks=every)).subject == "compared"


@pytest.mark.parametrize("status", [Status.SKIP, Status.ERROR])
def test_a_suite_that_gave_no_answer_makes_it_partial_and_is_named(status: Status) -> None:
    every = [check(f"{suite}/a") for suite in ALL_SUITES if suite not in ("chat", "performance")]

    found = validation.tier(result(checks=(*every, check("chat/a", status=status)), performance=()))

    assert found.subject == "partial"
    assert found.text.endswith("nothing was learnt of chat, performance")


def test_speed_that_was_only_screened_is_nothing_learnt_of_it() -> None:
    every = [check(f"{suite}/a") for suite in ALL_SUITES if suite != "performance"]
    screened = check("performance/generation", status=Status.SKIP)
    around = check("performance/start")

    found = validation.tier(result(checks=(*every, screened, around), performance=()))

    assert found.subject == "partial"
    assert found.text.endswith("nothing was learnt of performance")


def test_without_a_baseline_it_is_absolute_whatever_was_asked() -> None:
    alone = Engines(candidate=records.engine("0.1.3", tree="e"), baseline=None)

    assert validation.tier(result(engines=alone)).subject == "absolute"


def test_a_suite_that_answered_was_run_with_its_counts() -> None:
    checks = (check("loads/a"), check("loads/b"), check("loads/c", status=Status.FAIL))

    assert told(validation.ran(result(checks=checks))) == {"loads": "2 pass, 1 fail"}


def test_a_suite_of_skips_was_not_run() -> None:
    checks = (check("performance/host", status=Status.SKIP, observed="no baseline"),)
    judged = result(checks=checks, performance=())

    assert validation.ran(judged) == ()
    assert told(validation.not_run(judged, pin=records.pin()))["performance/host"] == (
        "skip: no baseline"
    )


def test_a_platform_that_was_only_hashed_is_not_run() -> None:
    notes = told(validation.not_run(result(), pin=records.pin()))

    assert "Metal kernels" in notes["macos-arm64"]
    assert "this gate ran on ubuntu-x64" in notes["macos-arm64"]
    assert "ubuntu-x64" not in notes


def test_a_bundle_that_was_only_made_is_not_run_either() -> None:
    pin = records.pin()
    made = pin.platforms["macos-arm64"].model_copy(update={"tree_sha256": "7" * 64})
    prepared = pin.model_copy(update={"platforms": {**pin.platforms, "macos-arm64": made}})

    notes = told(validation.not_run(result(), pin=prepared))

    assert notes["macos-arm64"].startswith("its bundle was made and audited and nothing of it was")


def test_no_metal_is_missed_on_linux() -> None:
    engines = Engines(candidate=records.engine("0.1.3", tree="e", platform="macos-arm64"))

    notes = told(validation.not_run(result(engines=engines), pin=records.pin()))

    assert "Metal" not in notes["ubuntu-x64"]
    assert "macos-arm64" not in notes


def test_suites_that_were_left_out_are_named() -> None:
    judged = result(checks=(check("loads/a"), check("tokens/a")), performance=())

    notes = told(validation.not_run(judged, pin=records.pin()))

    assert {"drift", "chat", "lifecycle", "performance"} <= notes.keys()
    assert "loads" not in notes


def test_a_measurement_is_the_performance_suite() -> None:
    assert "performance" not in told(validation.not_run(result(), pin=records.pin()))


def test_a_question_that_could_not_be_asked_was_not_run() -> None:
    broken = check("chat/a", status=Status.ERROR, observed="", detail="the proxy died\nmore")

    notes = told(validation.not_run(result(checks=(broken,)), pin=records.pin()))

    assert notes["chat/a"] == "error: the proxy died"


def test_a_skip_without_a_reason_is_shown_as_one() -> None:
    silent = check("chat/a", status=Status.SKIP, observed="")

    notes = told(validation.not_run(result(checks=(silent,)), pin=records.pin()))

    assert notes["chat/a"] == "skip: no reason was given"


def test_a_pass_needs_no_reason() -> None:
    assert validation.reasons(result()) == ()


def test_a_failure_is_explained_by_the_blocking_checks_that_failed() -> None:
    checks = (
        check("loads/a", status=Status.FAIL, expected="ready", observed="SIGABRT"),
        check("loads/b", status=Status.FAIL, blocking=False),
        check("tokens/a"),
    )

    reasons = validation.reasons(result(verdict=Verdict.FAIL, checks=checks))

    assert told(reasons) == {"loads/a": "expected ready, observed SIGABRT"}


def test_noise_is_explained_once_per_metric_and_by_the_host() -> None:
    noisy = measurement(verdict="inconclusive", ratio=0.98, low=0.9, high=1.07)
    checks = (
        check("performance/generation", status=Status.WARN, observed="0.98, inconclusive"),
        check("performance/host", status=Status.WARN, observed="0.93 (0.85 to 1.02)"),
        check("performance/start"),
        check("drift/a", status=Status.WARN),
    )

    reasons = validation.reasons(
        result(verdict=Verdict.INCONCLUSIVE, checks=checks, performance=(noisy, measurement()))
    )

    assert [note.subject for note in reasons] == ["generation", "performance/host"]
    assert "anywhere from 0.900 to 1.070 after 48 pairs" in reasons[0].text


def test_a_missing_baseline_is_a_reason() -> None:
    alone = Engines(candidate=records.engine("0.1.3", tree="e"))

    reasons = validation.reasons(
        result(verdict=Verdict.INCONCLUSIVE, engines=alone, performance=())
    )

    assert told(reasons) == {"baseline": "the pinned engine could not run: nothing was compared"}


def test_a_verdict_that_no_check_explains_is_called_that() -> None:
    reasons = validation.reasons(result(verdict=Verdict.INCONCLUSIVE))

    assert told(reasons) == {"gate": "it could not tell, and no check says why"}


def test_a_calm_bump_shows_no_risk() -> None:
    assert risks() == {}


@pytest.mark.parametrize("word", ["--mlock", "--mlock=on"])
def test_a_lost_flag_that_the_app_passes_comes_first(word: str) -> None:
    found = risks(judged=result(checks=()), argv=("-m", "{model}", word))

    assert list(found.items())[:2] == [
        ("--mlock", "breaking: the flag is gone, and the app passes it"),
        ("--mmap", "the flag is gone"),
    ]


def test_lost_architectures_growth_and_audit_warnings_are_risks() -> None:
    after = records.bundle(
        architectures=("llama",), findings=(records.finding(), records.finding(level="note"))
    )

    found = risks(after=after, before=records.before())

    assert found["gemma3"] == "the model architecture is gone"
    assert found["bundle"] == "it grows by 33%"
    assert found["bin/libllama.so"] == "audit warning: an absolute run path"


def test_a_bundle_of_the_same_size_with_no_known_architectures_is_no_risk() -> None:
    after = records.bundle(architectures=())

    assert risks(after=after, before=after) == {}


def test_warnings_refusals_and_thin_commits_are_risks() -> None:
    judged = result(checks=(check(status=Status.WARN, observed="mean KL 2e-05"),))

    found = risks(
        judged=judged.model_copy(update={"engines": _same_flags()}),
        seen=records.candidate(),
        commit=Commit(id="1" * 7, abbreviated=True),
    )

    assert found == {
        "tokens/stable": "warn: mean KL 2e-05",
        "0.2.0": "newer, and refused: the gate says fail: 1 of 34 checks",
        "1111111": "the upstream commit is the pinned one: only the packaging differs",
    }


def test_what_changed_for_another_platform_is_a_risk() -> None:
    before = records.before(platform="macos-arm64", demands=("_malloc",))
    after = records.bundle(
        platform="macos-arm64", demands=("_malloc", "_new", "_newer", "macOS 14.0")
    )

    notes = validation.changed_elsewhere([(before, after)])

    texts = [note.text for note in notes]
    assert {note.subject for note in notes} == {"macos-arm64"}
    assert "the system must now have: macOS 14.0, _new, _newer" in texts
    assert any(text.startswith("files added: ") for text in texts)
    assert risks(elsewhere=notes)["macos-arm64"] == texts[-1]


def test_equal_bundles_for_another_platform_are_no_risk() -> None:
    bundle = records.bundle(platform="macos-arm64")

    assert validation.changed_elsewhere([(bundle, bundle)]) == ()


def test_many_names_are_counted() -> None:
    before = records.before(demands=("_a",))
    after = before.model_copy(update={"demands": tuple(f"_{number:02}" for number in range(20))})

    (note,) = validation.changed_elsewhere([(before, after)])

    assert note.text.endswith("_06, _07 and 12 more")


def test_without_a_bundle_of_the_pin_nothing_can_be_said() -> None:
    (note,) = validation.changed_elsewhere([(None, records.bundle(platform="macos-arm64"))])

    assert "no bundle of the pinned engine" in note.text


@pytest.mark.parametrize(
    ("gpu", "text"),
    [
        ("Apple M1", None),
        (
            "Apple Paravirtual device",
            "not run: the GPU is a virtual machine's (Apple Paravirtual device)",
        ),
    ],
)
def test_on_a_mac_kernels_for_metal_that_did_not_run_are_listed(gpu: str, text: str | None) -> None:
    devices = Devices(backends=("CPU", "MTL"), gpus=(gpu,), layers=3)
    engine = records.engine("0.1.3", tree="e").model_copy(
        update={"platform": "macos-arm64", "devices": devices}
    )
    judged = result(checks=(check(),), engines=Engines(candidate=engine))

    assert told(validation.not_run(judged, pin=records.pin())).get("Metal kernels") == text
