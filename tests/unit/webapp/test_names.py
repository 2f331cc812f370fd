from __future__ import annotations

import pytest

from webapp.render.names import say_heading, say_name


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("raise_rfcs", "Raise RFCs"),
        ("go_no_go", "Go / no go"),
        ("cab_member", "CAB member"),
        ("Already words", "Already words"),
        ("media_sha256", "Media SHA-256"),
        ("", ""),
    ],
)
def test_a_heading_has_abbreviations_and_its_beginning_in_capitals(name: str, said: str) -> None:
    assert say_heading(name) == said


def test_within_a_sentence_a_name_begins_small() -> None:
    assert say_name("dml_librarian") == "DML librarian"
    assert say_name("change_manager") == "change manager"
