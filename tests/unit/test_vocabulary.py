"""The words of the house read well and say what they mean."""

from __future__ import annotations

import pytest

from models import vocabulary
from models.vocabulary import Decision, Role, Word

ENUMS = [
    found
    for found in vars(vocabulary).values()
    if isinstance(found, type) and issubclass(found, Word) and found is not Word
]


@pytest.mark.parametrize("enum", ENUMS)
def test_every_word_has_its_sentence(enum: type[Word]) -> None:
    assert all(word.meaning for word in enum)


def test_acronyms_keep_their_capitals() -> None:
    assert Role.CAB_MEMBER.label == "CAB member"
    assert Role.PMO_LEAD.label == "PMO lead"
    assert Role.CHANGE_MANAGER.label == "Change manager"


def test_decisions_are_told_as_what_was_done() -> None:
    assert [decision.past for decision in Decision] == [
        "authorized",
        "authorized with conditions",
        "sent back",
        "rejected",
    ]
