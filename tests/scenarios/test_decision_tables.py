"""The shipped decision tables decide as the process owners meant them to."""

from __future__ import annotations

import pytest

from engine.decisions import explain_rows
from engine.runtime.dmn_reader import read_decision_model
from tests.scenarios.shipped import PROCESSES, tables

GATES = ("proposal", "rfc", "phase_1", "phase_2", "phase_3", "phase_4")
TRIAGE = [
    ("low", 9_000, 1, "existing", "normal", "rfc_normal", "change_authority_L2"),
    ("low", 200, 1, "existing_preauthorized", "normal", "rfc_standard", "pre_authorized"),
    ("high", 4_000, 1, "existing", "emergency", "rfc_emergency", "ecab"),
    ("medium", 420_000, 3, "new", "normal", "proposal", "cab_plus_business"),
    ("high", 980_000, 5, "significantly_changed", "normal", "proposal", "it_executive_board"),
    (
        "high", 1_250_000, 6, "significantly_changed", "normal",
        "proposal", "business_executive_board",
    ),
    ("medium", 15_000, 1, "existing", "normal", "rfc_normal", "cab"),
    ("high", 30_000, 2, "existing", "normal", "rfc_major", "cab"),
    ("medium", 20_000, 4, "retire", "normal", "proposal", "cab_plus_business"),
    ("low", 160_000, 1, "existing", "normal", "proposal", "cab_plus_business"),
]  # fmt: skip
CALM = {
    "service_tier": 4,
    "hit_services": 1,
    "users_share": 0.02,
    "data_class": 1,
    "backout_tested": True,
    "novel_technique": False,
    "manual_steps": 2,
    "teams": 1,
    "team_failure_rate": 0.01,
    "ci_failed_recently": False,
    "lead_time_below_notice": False,
    "evidence_complete": True,
}


def rows_of(gate, facts):
    key = f"criteria_{gate}"
    model = read_decision_model((PROCESSES / f"{key}.dmn").read_bytes())
    return explain_rows(model, key, facts)


@pytest.mark.parametrize("case", TRIAGE, ids=[f"T{n:02d}" for n in range(1, 11)])
def test_request_or_proposal_decides_the_ten_known_cases(case):
    *values, kind, authority = case
    names = ("risk", "cost_eur", "org_units", "novelty", "urgency")

    decided = tables()("request_or_proposal", dict(zip(names, values, strict=True)))

    assert decided == {"kind": kind, "authority": authority}


@pytest.mark.parametrize(
    ("gate", "authority", "risk", "level", "role"),
    [
        ("rfc", "standard", "low", "L0", "change_manager"),
        ("rfc", "standard", "high", "L3", "cab_member"),
        ("rfc", "emergency", "high", "ecab", "cab_member"),
        ("rfc", "major", "low", "L3", "cab_member"),
        ("rfc", "normal", "low", "L2", "change_manager"),
        ("rfc", "normal", "medium", "L3", "cab_member"),
        ("proposal", "cab_plus_business", "medium", "L4", "cab_member"),
        ("proposal", "cab_plus_business", "high", "L5", "executive_board"),
        ("proposal", "business_executive_board", "medium", "L6", "executive_board"),
        ("proposal", "pre_authorized", "low", "L4", "cab_member"),
        ("phase_2", None, "medium", "L2", "change_manager"),
        ("phase_4", None, "high", "L3", "cab_member"),
        ("unheard_of", None, None, "L3", "cab_member"),
    ],
)
def test_authority_level_names_who_decides(gate, authority, risk, level, role):
    decided = tables()("authority_level", {"gate": gate, "authority": authority, "risk": risk})

    assert (decided["level"], decided["role"]) == (level, role)


def test_only_standard_changes_of_low_risk_need_no_vote():
    quorums = {
        (gate, authority, risk): tables()(
            "authority_level", {"gate": gate, "authority": authority, "risk": risk}
        )["quorum"]
        for gate in (*GATES, "other", None)
        for authority in ("standard", "normal", "major", "emergency", "pre_authorized", None)
        for risk in ("low", "medium", "high", None)
    }

    without = {case for case, quorum in quorums.items() if quorum == 0}

    assert without == {("rfc", "standard", "low"), ("rfc", "pre_authorized", "low")}


def test_a_calm_change_scores_low_and_every_term_is_shown():
    score = tables()("risk_score", CALM)

    assert (score["impact"], score["likelihood"], score["points"]) == (2, 1, 2)
    assert score["band"] == "low"
    assert {"term": "Test evidence is complete", "share": -1} in score["terms"]


def test_a_risky_change_of_a_tier_1_service_scores_the_maximum():
    facts = CALM | {
        "service_tier": 1,
        "backout_tested": False,
        "novel_technique": True,
        "manual_steps": 14,
        "teams": 3,
        "team_failure_rate": 0.2,
        "evidence_complete": False,
    }

    score = tables()("risk_score", facts)

    assert (score["points"], score["band"]) == (25, "high")
    assert sum(term["share"] for term in score["terms"] if term["share"] == 1.5) == 1.5


def test_unknown_facts_do_not_make_a_change_look_safe():
    score = tables()("risk_score", dict.fromkeys(CALM))

    assert score["band"] == "medium"
    assert {"term": "Tier of the service is unknown", "share": 4} in score["terms"]


@pytest.mark.parametrize("severity", ["blocker", "high", "medium", "low", "info", None, "new"])
def test_a_hard_blackout_needs_the_board_and_unknown_severities_block(severity):
    blackout = tables()("conflict_policy", {"kind": "BLACKOUT", "severity": severity})
    other = tables()("conflict_policy", {"kind": "SAME_SERVICE", "severity": severity})

    assert blackout["blocking"] is True
    assert (blackout["override_role"] == "executive_board") == (severity == "blocker")
    assert other["blocking"] == (severity not in ("medium", "low", "info"))


@pytest.mark.parametrize("gate", GATES)
def test_no_criterion_is_met_by_facts_that_are_unknown(gate):
    rows = rows_of(gate, {})

    assert [row.outputs["code"] for row in rows if row.matched] == []


@pytest.mark.parametrize("gate", GATES)
def test_every_criterion_has_a_code_a_title_and_a_severity(gate):
    rows = rows_of(gate, {})
    codes = [row.outputs["code"] for row in rows]

    assert len(set(codes)) == len(codes)
    assert all(row.outputs["title"] for row in rows)
    assert {row.outputs["severity"] for row in rows} <= {"must", "should"}


def test_no_must_about_conflicts_or_the_proposal_can_be_waived():
    never = {"RUN", "CONFLICT", "CURRENT", "MEDIA", "VERIFIED", "CHARTER"}

    waivable = {
        row.outputs["code"]
        for gate in GATES
        for row in rows_of(gate, {})
        if row.outputs["waivable_by"] and row.outputs["code"].partition("-")[2] in never
    }

    assert waivable == set()
