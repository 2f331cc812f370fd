"""The proposal form: what it refuses with a word at the field, and what it keeps."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import func, select

from models.proposal import Proposal
from tests.integration.pages.conftest import PORTFOLIO_MANAGER, Browser
from tests.integration.site import Site

PAGE = "/proposals/new"


def count_proposals(story: Site) -> int:
    with story.services.database.read() as session:
        return session.scalar(select(func.count()).select_from(Proposal)) or 0


@pytest.mark.parametrize(
    ("field", "text", "said"),
    [
        ("title", "x" * 201, "Enter at most 200 characters; these are 201."),
        ("description", "y" * 20_001, "Enter at most 20,000 characters; these are 20,001."),
        ("business_outcomes", "z" * 1_001, "Enter at most 1,000 characters; these are 1,001."),
        ("title", "Pay \u202etnemyap", "The character U+202E at position 5 cannot be kept"),
        ("risks-0-text", "Pay \u2067x", "The character U+2067 at position 5 cannot be kept"),
    ],
)
def test_a_text_that_does_not_fit_is_refused_at_its_field_and_kept_as_typed(
    story: Site, browser_of: Callable[[str], Browser], field: str, text: str, said: str
):
    browser = browser_of(PORTFOLIO_MANAGER)
    before = count_proposals(story)

    refused = browser.post(PAGE, PAGE, {"utility": "Pays at once.", field: text})

    assert refused.status_code == 422
    assert said in refused.text
    assert "Pays at once." in refused.text
    assert text in refused.text
    assert "Pays at once." in browser.get(PAGE).text, "and found again later"
    assert count_proposals(story) == before


def test_a_form_that_is_sent_twice_begins_one_proposal(
    story: Site, browser_of: Callable[[str], Browser]
):
    browser = browser_of(PORTFOLIO_MANAGER)
    before = count_proposals(story)
    form = {"title": "Sent twice", "tz": "Europe/Berlin", "creation": "one-page-one-name"}

    answers = [browser.post(PAGE, PAGE, form) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [303, 303]
    assert answers[0].location == answers[1].location
    assert count_proposals(story) == before + 1
