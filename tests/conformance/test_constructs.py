"""Each construct of the conformance page runs right in both modes, or is refused with its codes."""

from __future__ import annotations

import pytest

from engine.runtime.validation.check import check_diagram
from tests.conformance.page import all_constructs
from tests.conformance.play import Construct, codes_of, context, play

CONSTRUCTS = all_constructs()
RUNNING = [construct for construct in CONSTRUCTS if not construct.refused]
REFUSED = [construct for construct in CONSTRUCTS if construct.refused]


@pytest.mark.parametrize("restored", [False, True], ids=["live", "restored"])
@pytest.mark.parametrize("construct", RUNNING, ids=lambda construct: construct.name)
def test_a_construct_is_accepted_and_runs_as_bpmn_says(
    construct: Construct, restored: bool
) -> None:
    assert codes_of(construct) == ""
    play(construct, restored=restored)


@pytest.mark.parametrize("construct", REFUSED, ids=lambda construct: construct.name)
def test_a_construct_is_refused_with_its_codes_and_a_way_out(construct: Construct) -> None:
    assert codes_of(construct) == construct.refused
    for problem in check_diagram(construct.xml, context(construct)):
        assert problem.element
        assert problem.line
        assert problem.hint


def test_every_construct_has_a_name_of_its_own() -> None:
    names = [construct.name for construct in CONSTRUCTS]
    assert len(set(names)) == len(names)
    assert len(names) >= 60
