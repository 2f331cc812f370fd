"""Every case of compliance level 2 of the DMN Technology Compatibility Kit passes."""

from __future__ import annotations

import pytest

from tests.conformance.dmn_tck import LEVEL_2, Case, read_cases, read_model, run_case, same

CASES = list(read_cases(LEVEL_2)) if LEVEL_2.is_dir() else []


def test_the_kit_is_there() -> None:
    if not CASES:
        pytest.skip(f"THE DMN KIT IS ABSENT, NOTHING WAS CHECKED: no cases in {LEVEL_2.name}")
    assert len({case.folder for case in CASES}) == 28


@pytest.mark.parametrize(
    "case", CASES, ids=[f"{case.folder}-{case.case}-{case.name}" for case in CASES]
)
def test_a_case_of_the_kit_gives_the_expected_value(case: Case) -> None:
    # given
    model = read_model(case.model)

    # when
    actual = run_case(model, case)

    # then
    assert same(case.expected, actual), f"expected {case.expected!r}, got {actual!r}"
