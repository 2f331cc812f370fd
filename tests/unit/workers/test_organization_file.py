"""An organization file is read whole or refused with the path of the field at fault."""

from __future__ import annotations

import copy
from datetime import UTC, datetime
from typing import Any

import pytest

from engine.errors import InvalidInput
from workers.conflicts.landscape import Prerequisite
from workers.conflicts.organization_file import read_landscape
from workers.conflicts.rules import recheck_all

SMALL: dict[str, Any] = {
    "meta": {"as_of": "2027-01-18T08:00:00Z"},
    "organization": {"primary_tz": "Europe/Berlin"},
    "services": [{"id": "s", "name": "Shop", "tier": 1, "maintenance_window": "w"}],
    "cis": [{"id": "a", "service": "s"}, {"id": "b", "service": "s"}],
    "ci_relations": [{"source": "a", "target": "b", "propagation": "hard"}],
    "calendars": [
        {
            "id": "c",
            "rrule": "FREQ=DAILY",
            "dtstart_local": "2027-01-01T08:00:00",
            "duration": "PT9H",
        }
    ],
    "resources": [{"id": "r", "capacity": 2, "calendar": "c"}],
    "maintenance_windows": [
        {
            "id": "w",
            "rrule": "FREQ=DAILY",
            "dtstart_local": "2027-01-01T20:00:00",
            "end_wall": "06:00",
            "end_day_offset": 1,
            "exdates_local": ["2027-02-01T20:00:00", "2027-02-02"],
        }
    ],
    "window_assignments": [{"window": "w", "scope_kind": "ci", "scope": ["a"]}],
    "blackout_windows": [
        {
            "id": "o",
            "start_local": "2027-05-01T00:00:00",
            "end_local": "2027-05-02T00:00:00",
            "scope_kind": "service",
            "scope": ["s"],
        }
    ],
    "proposals": [
        {
            "id": "p",
            "title": "Proposal",
            "changed_cis": ["a"],
            "new_cis": ["n"],
            "deployment": {
                "tz": "Europe/Berlin",
                "start_local": "2027-03-20T23:00:00",
                "end_utc": "2027-03-21T01:00:00Z",
            },
            "resource_bookings": [
                {
                    "resource": "r",
                    "quantity": 0.5,
                    "start_local": "2027-03-01T08:00:00",
                    "end_local": "2027-03-05T17:00:00",
                }
            ],
            "projected_service_outage": [{"service": "s", "minutes": 10}],
            "decision_inputs": {"risk": "medium"},
        }
    ],
    "scheduled_changes": [
        {
            "id": "k",
            "changed_cis": ["n"],
            "risk_points": 3,
            "start_utc": "2027-03-22T20:00:00Z",
            "end_utc": "2027-03-22T21:00:00Z",
            "prerequisites": ["p", {"entry": "p", "lag_minutes": 5}],
        }
    ],
    "rfcs": [{"id": "f", "proposal": "p", "cis": ["x"], "title": "Undated"}],
    "settings": {
        "cumulative_risk_limit_per_service_7d": 15,
        "proposal_risk_points": {"medium": 5},
        "notice_days": {"normal": 5},
    },
}


def with_change(path: tuple[str | int, ...], value: object) -> dict[str, Any]:
    """Return the small file with one field replaced; `...` removes it."""
    document = copy.deepcopy(SMALL)
    place: Any = document
    for step in path[:-1]:
        place = place[step]
    if value is ...:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    return document


def test_a_small_file_is_read() -> None:
    read = read_landscape(SMALL)

    proposal, change = read.entries["p"], read.entries["k"]
    assert (proposal.kind, proposal.firmness, proposal.risk_points) == ("proposal", "forecast", 5)
    assert proposal.start_utc == datetime(2027, 3, 20, 22, tzinfo=UTC)
    assert proposal.bookings[0].start_utc == datetime(2027, 3, 1, 7, tzinfo=UTC)
    assert change.prerequisites == (Prerequisite("p", 0),)
    assert (change.firmness, change.title, change.risk_points) == ("firm", "k", 3)
    assert read.windows_of("a") == read.windows_of("b") == {"w"}
    assert read.cis["n"].ci_class == "planned"
    assert "f" not in read.entries
    assert recheck_all(read) == []


def test_an_empty_file_holds_nothing() -> None:
    read = read_landscape({})
    assert recheck_all(read) == []
    assert read.settings.as_of_utc is None


@pytest.mark.parametrize(
    ("path", "value", "field"),
    [
        (("services",), {}, "services"),
        (("services", 0), "s", "services[0]"),
        (("services", 0, "id"), ..., "services[0].id"),
        (("services", 0, "tier"), "1", "services[0].tier"),
        (("services", 0, "tier"), True, "services[0].tier"),
        (("services", 0, "tier"), 0, "services[0].tier"),
        (("services", 0, "maintenance_window"), "q", "services[0].maintenance_window"),
        (("cis", 1, "id"), "a", "cis[1].id"),
        (("cis", 0, "service"), "q", "cis[0].service"),
        (("cis", 0, "tags"), [1], "cis[0].tags[0]"),
        (("ci_relations", 0, "target"), "q", "ci_relations[0].target"),
        (("ci_relations", 0, "target"), ..., "ci_relations[0].target"),
        (("ci_relations", 0, "propagation"), "maybe", "ci_relations[0].propagation"),
        (("ci_relations", 0, "propagation"), "redundant", "ci_relations[0].redundancy_group"),
        (("resources", 0, "capacity"), "2", "resources[0].capacity"),
        (("resources", 0, "capacity"), -1, "resources[0].capacity"),
        (("resources", 0, "capacity"), float("inf"), "resources[0].capacity"),
        (("resources", 0, "calendar"), "q", "resources[0].calendar"),
        (("resources", 0, "exclusive"), 1, "resources[0].exclusive"),
        (("calendars", 0, "duration"), "9h", "calendars[0].duration"),
        (("calendars", 0, "duration"), "P9999W", "calendars[0].duration"),
        (("calendars", 0, "duration"), ..., "calendars[0].end_local"),
        (("calendars", 0, "rrule"), "FREQ=SECONDLY", "calendars[0].rrule"),
        (("calendars", 0, "dtstart_local"), ..., "calendars[0].dtstart_local"),
        (("calendars", 0, "dtstart_local"), "2027-01-01T08:00Z", "calendars[0].dtstart_local"),
        (("calendars", 0, "dtstart_local"), "1027-01-01T08:00", "calendars[0].dtstart_local"),
        (("maintenance_windows", 0, "end_wall"), "30:00", "maintenance_windows[0].end_wall"),
        (("maintenance_windows", 0, "end_wall"), "06:00Z", "maintenance_windows[0].end_wall"),
        (("maintenance_windows", 0, "tz"), "Berlin", "maintenance_windows[0].tz"),
        (
            ("maintenance_windows", 0, "exdates_local"),
            ["x"],
            "maintenance_windows[0].exdates_local[0]",
        ),
        (("window_assignments", 0, "window"), "o", "window_assignments[0].window"),
        (("window_assignments", 0, "scope"), ["q"], "window_assignments[0].scope[0]"),
        (("window_assignments", 0, "scope_kind"), "site", "window_assignments[0].scope_kind"),
        (("blackout_windows", 0, "id"), "w", "blackout_windows[0].id"),
        (("blackout_windows", 0, "scope"), ["q"], "blackout_windows[0].scope[0]"),
        (("blackout_windows", 0, "severity"), "mild", "blackout_windows[0].severity"),
        (("proposals", 0, "changed_cis"), ["q"], "proposals[0].changed_cis[0]"),
        (("proposals", 0, "changed_cis"), "a", "proposals[0].changed_cis"),
        (("proposals", 0, "deployment", "tz"), "CEST", "proposals[0].deployment.tz"),
        (("proposals", 0, "deployment", "end_utc"), ..., "proposals[0].deployment.end_local"),
        (
            ("proposals", 0, "deployment", "end_utc"),
            "2027-03-20T21:59:59Z",
            "proposals[0].deployment.end_utc",
        ),
        (
            ("proposals", 0, "deployment", "end_utc"),
            "2027-03-21T01:00:00",
            "proposals[0].deployment.end_utc",
        ),
        (
            ("proposals", 0, "resource_bookings", 0, "resource"),
            "q",
            "proposals[0].resource_bookings[0].resource",
        ),
        (
            ("proposals", 0, "projected_service_outage", 0, "service"),
            "q",
            "proposals[0].projected_service_outage[0].service",
        ),
        (("scheduled_changes", 0, "id"), "p", "scheduled_changes[0].id"),
        (("scheduled_changes", 0, "risk_points"), 1.5, "scheduled_changes[0].risk_points"),
        (("scheduled_changes", 0, "prerequisites"), "p", "scheduled_changes[0].prerequisites"),
        (
            ("scheduled_changes", 0, "prerequisites", 0),
            "q",
            "scheduled_changes[0].prerequisites[0]",
        ),
        (("scheduled_changes", 0, "title"), "x" * 10_001, "scheduled_changes[0].title"),
        (("settings", "notice_days"), {"normal": "5"}, "settings.notice_days.normal"),
        (("meta", "as_of"), "yesterday", "meta.as_of"),
        (("organization",), [], "organization"),
    ],
)
def test_a_bad_field_is_named_by_its_path(
    path: tuple[str | int, ...], value: object, field: str
) -> None:
    with pytest.raises(InvalidInput) as refusal:
        read_landscape(with_change(path, value))
    assert refusal.value.field == field
    assert list(refusal.value.fields) == [field]
    assert refusal.value.message.startswith(f"{field}: ")


@pytest.mark.parametrize("document", [None, [], "text", 5])
def test_a_file_that_is_no_object_is_refused(document: object) -> None:
    with pytest.raises(InvalidInput):
        read_landscape(document)


def test_times_that_contradict_each_other_are_remarked_and_utc_is_taken() -> None:
    document = with_change(("proposals", 0, "deployment", "start_utc"), "2027-03-20T21:00:00Z")
    read = read_landscape(document)

    assert read.entries["p"].start_utc == datetime(2027, 3, 20, 21, tzinfo=UTC)
    assert read.remarks == (
        "proposals[0].deployment.start_utc and start_local differ; the UTC time was taken.",
    )


def test_the_second_of_two_equal_local_times_is_told_by_utc_without_a_remark() -> None:
    document = with_change(
        ("proposals", 0, "deployment"),
        {
            "tz": "Europe/Berlin",
            "start_local": "2027-10-31T02:30:00",
            "start_utc": "2027-10-31T01:30:00Z",
            "end_utc": "2027-10-31T03:00:00Z",
        },
    )
    read = read_landscape(document)
    assert read.entries["p"].start_utc == datetime(2027, 10, 31, 1, 30, tzinfo=UTC)
    assert read.remarks == ()


def test_a_proposal_without_dates_is_remarked_and_left_out() -> None:
    document = with_change(("proposals", 0, "deployment"), ...)
    document["scheduled_changes"][0]["prerequisites"] = []
    read = read_landscape(document)
    assert set(read.entries) == {"k"}
    assert read.remarks == ("p has no deployment dates and is not checked.",)


def test_a_dated_rfc_belongs_to_its_proposal() -> None:
    document = copy.deepcopy(SMALL)
    document["rfcs"][0] |= {
        "cis": ["a"],
        "start_utc": "2027-03-20T22:00:00Z",
        "end_utc": "2027-03-20T23:00:00Z",
    }
    read = read_landscape(document)
    assert read.entries["f"].group == read.entries["p"].group
    assert recheck_all(read) == []
