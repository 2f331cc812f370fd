"""The committed conformance page says what the tests find, and what it points to exists."""

from __future__ import annotations

import pytest

from tests.conformance.page import BEYOND, MATERIAL, PAGE, ROOT, write_page


def test_the_committed_page_is_what_the_tests_generate() -> None:
    committed = PAGE.read_text(encoding="utf-8")
    assert write_page(committed) == committed, "run: python -m tests.conformance.write_page"


def test_without_the_material_its_figures_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    # given
    committed = PAGE.read_text(encoding="utf-8")
    for name, (folder, measure) in list(MATERIAL.items()):
        monkeypatch.setitem(MATERIAL, name, (folder / "absent", measure))

    # when
    written = write_page(committed)

    # then
    assert written == committed
    assert "Not measured yet." in write_page("")


@pytest.mark.parametrize("name", list(MATERIAL))
def test_the_material_is_there_to_be_measured(name: str) -> None:
    folder, measure = MATERIAL[name]
    if not folder.is_dir():
        pytest.skip(f"{name.upper()} IS ABSENT: ITS FIGURES IN docs/conformance.md ARE UNCHECKED")
    assert measure() in PAGE.read_text(encoding="utf-8")


@pytest.mark.parametrize(("file", "name"), [reference[1:] for reference in BEYOND])
def test_a_test_that_the_page_points_to_exists(file: str, name: str) -> None:
    assert f"def {name}(" in (ROOT / file).read_text(encoding="utf-8")
