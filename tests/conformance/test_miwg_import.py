"""The reference diagrams of the BPMN Model Interchange Working Group can all be shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.runtime.importing import import_diagram
from engine.runtime.validation.check import check_diagram

FOLDER = Path(__file__).resolve().parents[2] / "../shared/conformance/bpmn-miwg-reference"
FILES = sorted(FOLDER.glob("*.bpmn")) if FOLDER.is_dir() else []

pytestmark = pytest.mark.skipif(
    not FILES, reason="THE MIWG REFERENCE DIAGRAMS ARE NOT HERE: import is not tested on them"
)


def test_all_of_them_are_here() -> None:
    assert len(FILES) == 21


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_reference_diagram_is_imported_with_its_drawing(path: Path) -> None:
    imported = import_diagram(path.read_bytes())
    assert imported.elements
    assert imported.layout.shapes
    drawn = {shape.id for shape in imported.layout.shapes}
    assert drawn <= {element.id for element in imported.elements}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_reference_diagram_is_checked_without_failing(path: Path) -> None:
    # They are drawn for interchange, not to be executed; each is refused with a reason.
    problems = check_diagram(path.read_bytes())
    assert problems
    assert all(problem.message and problem.hint for problem in problems)
