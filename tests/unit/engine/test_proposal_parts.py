"""Reading the parts of a proposal and naming those that are missing."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest

from engine.errors import InvalidInput
from engine.proposal_parts import FIELDS, PARTS, READERS, REQUIRED, find_missing_parts, read_values
from models.proposal import Proposal

NOW = datetime(2026, 11, 23, tzinfo=UTC)


def a_complete_proposal(**changes: Any) -> Proposal:
    values: dict[str, Any] = {
        "number": "P9",
        "title": "Instant payout",
        "state": "draft",
        "source": "portfolio",
        "proposer_id": "u04",
        "description": "Pay claims at once.",
        "business_outcomes": ["Payout in a minute"],
        "utility": "Instant payment",
        "warranty": "99.9 %",
        "business_case": {
            "risks": [{"text": "fraud"}],
            "issues": ["none known"],
            "alternatives": ["cheques"],
            "budget_eur": 200_000,
            "financial_expectation": "pays back in a year",
        },
        "risk": "medium",
        "org_units": 2,
        "novelty": "new",
        "design_start": date(2027, 1, 4),
        "design_end": date(2027, 1, 29),
        "build_start": date(2027, 2, 1),
        "build_end": date(2027, 3, 5),
        "deploy_from": datetime(2027, 3, 13, 21, tzinfo=UTC),
        "deploy_to": datetime(2027, 3, 14, 1, tzinfo=UTC),
        "changed_cis": ["app-pay-gateway"],
        "bookings": [{"resource": "R-TEST"}],
        "created_at": NOW,
        "updated_at": NOW,
    }
    return Proposal(**{**values, **changes})


def test_a_complete_proposal_lacks_nothing() -> None:
    assert find_missing_parts(a_complete_proposal()) == {}


def test_every_required_part_is_named_when_it_is_empty() -> None:
    empty = Proposal(
        number="P9", title="", state="draft", source="pmo", proposer_id="u05",
        created_at=NOW, updated_at=NOW,
    )  # fmt: skip

    missing = find_missing_parts(empty)

    assert set(missing) == {*REQUIRED, "changed_cis"}


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"design_end": date(2027, 1, 3)}, "design_end"),
        ({"build_start": date(2027, 1, 28)}, "build_start"),
        ({"deploy_to": datetime(2027, 3, 13, 21, tzinfo=UTC)}, "deploy_to"),
        ({"deploy_from": datetime(2027, 3, 1, tzinfo=UTC)}, "deploy_from"),
    ],
)
def test_dates_that_contradict_each_other_are_named(changes: dict[str, Any], field: str) -> None:
    assert field in find_missing_parts(a_complete_proposal(**changes))


def test_local_times_become_utc_in_the_zone_of_the_proposal() -> None:
    read = read_values({"deploy_from": "2027-03-20T22:00"}, "Europe/Berlin")

    assert read["deploy_from"] == datetime(2027, 3, 20, 21, tzinfo=UTC)


@pytest.mark.parametrize(
    ("field", "value", "part_of_message"),
    [
        ("budget_eur", "lots", "whole number"),
        ("budget_eur", -1, "not negative"),
        ("risk", "enormous", "Choose one of"),
        ("design_start", "soon", "date"),
        ("deploy_from", "2027-03-28T02:30", "does not exist"),
        ("deploy_from", "0001-01-01T00:00", "between 2000 and 2100"),
        ("tz", "Mars/Olympus", "not a time zone"),
        ("bookings", [{"resource": "R", "quantity": 1}], "from is missing"),
        ("bookings", [{"what": 1}], "not known"),
        ("title", {"a": 1}, "text"),
        ("titel", "x", "no field"),
    ],
)
def test_a_wrong_value_is_refused_with_its_field(
    field: str, value: Any, part_of_message: str
) -> None:
    with pytest.raises(InvalidInput) as refusal:
        read_values({field: value}, "Europe/Berlin")

    assert part_of_message in refusal.value.fields[field]


def test_every_field_belongs_to_one_part_and_has_a_reader() -> None:
    fields = [name for names in PARTS.values() for name in names]

    assert len(fields) == len(set(fields))
    assert set(FIELDS) == set(READERS)
