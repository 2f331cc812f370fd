"""What a text may be: which characters and lengths are refused, and which are not."""

from __future__ import annotations

import pytest

from engine.errors import InvalidInput
from engine.texts import drop_unreadable, find_unreadable, require_good_texts


@pytest.mark.parametrize("bad", ["\x00", "\x07", "\x1b", "\x7f", "\x85", "\ud800"])
@pytest.mark.parametrize("around", ["", "approve "])
def test_control_characters_and_halves_are_refused_with_their_place(bad: str, around: str) -> None:
    said = find_unreadable(f"{around}{bad}")

    assert said is not None
    assert f"U+{ord(bad):04X} at position {len(around) + 1}" in said


@pytest.mark.parametrize("code", [*range(0x202A, 0x202F), *range(0x2066, 0x206A)])
def test_characters_that_reorder_text_are_refused(code: int) -> None:
    assert f"U+{code:04X}" in (find_unreadable(f"a{chr(code)}b") or "")


@pytest.mark.parametrize(
    "text", ["Übergang, naïve, 変更", "one\ttab\r\nand lines", "👩\u200d🔧", "שלום עולם", "‏ab"]
)
def test_what_people_write_is_taken(text: str) -> None:
    assert find_unreadable(text) is None
    assert drop_unreadable(text) == text


def test_every_field_with_a_bad_text_is_named_however_deep_it_is() -> None:
    given = {
        "title": "fine",
        "reason": "a\u202eb",
        "rows": [{"text": {"inner": ["x" * 20_001]}}],
        "count": 3,
    }

    with pytest.raises(InvalidInput) as refused:
        require_good_texts(given)

    assert set(refused.value.fields) == {"reason", "rows"}
    assert drop_unreadable("a\u202eb") == "ab"
