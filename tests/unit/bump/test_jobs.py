from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from engine_ci.bump import jobs
from engine_ci.config import ALL_SUITES
from engine_ci.records.gate import Verdict

SUITES = st.lists(st.sampled_from(ALL_SUITES), min_size=1, unique=True)
OTHERS = [None, *(job for job in jobs.ARTIFACTS if job != jobs.OLDEST)]


@given(SUITES, st.sampled_from(OTHERS))
def test_every_job_but_the_oldest_system_asks_all_that_the_app_wants(
    suites: list[str], job: str | None
) -> None:
    assert jobs.asks(job, suites) == tuple(suites)
    assert jobs.fetches(job)


def test_the_oldest_system_is_asked_all_but_speed_and_what_has_to_be_fetched() -> None:
    asked = jobs.asks(jobs.OLDEST, ALL_SUITES)

    assert set(ALL_SUITES) - set(asked) == {"performance", "real"}
    assert not jobs.fetches(jobs.OLDEST)


@given(SUITES)
def test_the_oldest_system_is_always_asked_something(suites: list[str]) -> None:
    asked = jobs.asks(jobs.OLDEST, suites)

    assert asked == ("loads",) or set(asked) <= set(suites)
    assert asked


@given(st.sampled_from(Verdict), st.sampled_from([None, *jobs.ARTIFACTS]))
def test_only_doubt_is_left_to_the_required_check_and_only_by_a_job_of_the_workflow(
    verdict: Verdict, job: str | None
) -> None:
    assert jobs.leaves(job, verdict) == (verdict is Verdict.INCONCLUSIVE and job in jobs.ARTIFACTS)
