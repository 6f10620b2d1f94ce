from __future__ import annotations

from benchmarks.gate.mutants import Became, Mutant, next_area
from benchmarks.gate.mutation import AREAS


def mutant(area: str, became: Became) -> Mutant:
    return Mutant(number=0, area=area, file="a.cpp", line=1, before="", after=";", became=became)


def test_the_area_with_the_fewest_faults_is_next() -> None:
    first, second, *_ = AREAS
    drawn = [mutant(area, Became.PASSED) for area in AREAS]

    assert next_area([]) == first
    assert next_area(drawn[1:]) == first
    assert next_area(drawn[:1]) == second
    assert next_area([mutant(first, Became.SAME_PROGRAM)]) == first
    assert next_area([mutant(first, Became.NO_PROGRAM), *drawn[1:]]) == first
    assert next_area([*drawn, drawn[0]]) == second
