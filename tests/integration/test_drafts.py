"""Drafts of proposals: half a form is kept, and what every proposal has stays set."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from engine.commands.context import execute
from engine.commands.proposals import save_draft
from engine.context import Actor
from models.database import Database
from tests.conftest import MovableClock


@pytest.mark.parametrize("nothing", ["", None])
def test_what_is_not_chosen_in_a_form_stays_what_every_proposal_begins_with(
    database: Database,
    clock: MovableClock,
    as_person: Callable[[str], Actor],
    nothing: str | None,
) -> None:
    # given a form in which only the title was typed
    values = {"title": "Half a thought", "source": nothing, "urgency": nothing, "risk": nothing}
    # when it is saved
    draft = execute(database, clock, as_person("u04"), save_draft, proposal_id=None, values=values)
    # then the draft is kept, with the source and urgency it began with and no risk
    assert draft.title == "Half a thought"
    assert (draft.source, draft.urgency, draft.risk) == ("portfolio", "normal", None)
