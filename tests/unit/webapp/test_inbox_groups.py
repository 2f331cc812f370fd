"""The groups of the inbox: no task falls between them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from webapp.pages.inbox import GROUPS
from webapp.render.times import group_due


def test_a_task_is_listed_in_one_of_the_groups_whenever_it_is_due():
    # given a Monday morning
    now = datetime(2026, 11, 23, 9, tzinfo=UTC)
    # when tasks are due at any hour of the weeks around it, or never
    found = {group_due(now + timedelta(hours=hours), now) for hours in range(-400, 400)}
    # then each of their groups is one that the page shows, and all of them are used
    assert found | {group_due(None, now)} == set(GROUPS)
