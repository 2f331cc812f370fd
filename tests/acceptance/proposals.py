"""What people of the example organization write: proposals, requests for change, plans, tests."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

FIRST_SATURDAY = date(2027, 6, 12)
ZONE = "Europe/Berlin"


def write_proposal(week: int, **changes: Any) -> dict[str, Any]:
    """Give a complete proposal that deploys on the night of a Saturday and clashes with nothing.

    Tests that share a server take different weeks, so that none is in the way of another.
    """
    saturday = FIRST_SATURDAY + timedelta(weeks=week)
    night = deployment_night(week)
    tests_start, tests_end = saturday - timedelta(days=5), saturday - timedelta(days=3)
    return {
        "title": f"Self-service address change {week}",
        "description": "Customers change their address in the portal.",
        "business_outcomes": ["Half the calls about addresses"],
        "utility": "A customer changes the address without a call.",
        "warranty": "99.5 percent available, 50 changes a minute.",
        "source": "portfolio",
        "risks": [{"text": "Wrong address on a policy", "probability": 2, "impact": 3}],
        "issues": ["None known"],
        "alternatives": ["Keep calling"],
        "budget_eur": 320_000,
        "financial_expectation": "Pays back in two years.",
        "design_start": str(saturday - timedelta(days=40)),
        "design_end": str(saturday - timedelta(days=25)),
        "build_start": str(saturday - timedelta(days=24)),
        "build_end": str(saturday - timedelta(days=1)),
        "deploy_from": night["start"],
        "deploy_to": night["end"],
        "tz": ZONE,
        "changed_cis": ["app-portal-web"],
        "services": ["S01"],
        "bookings": [
            {
                "resource": "R-TEST",
                "quantity": 1,
                "phase": "build",
                "from": f"{tests_start}T08:00",
                "to": f"{tests_end}T16:00",
            }
        ],
        "risk": "medium",
        "org_units": 2,
        "novelty": "significantly_changed",
        "urgency": "normal",
        **changes,
    }


def deployment_night(week: int) -> dict[str, str]:
    """Give start and end of the deployment window of a week, in local time."""
    saturday = FIRST_SATURDAY + timedelta(weeks=week)
    return {"start": f"{saturday}T22:30", "end": f"{saturday + timedelta(days=1)}T01:30"}


def write_rfc(week: int, proposal: str | None, **changes: Any) -> dict[str, Any]:
    """Give a request for change of the portal, in the deployment window of a week."""
    return {
        "title": f"Portal address form {week}",
        "rfc_type": "normal",
        "proposal_number": proposal,
        "reason": "The address change of the proposal.",
        "items": [{"ci": "app-portal-web", "action": "change", "detail": "7.2.0 to 7.3.0"}],
        "risk": "low",
        "backout_plan": "Redeploy 7.2.0; the old form is behind a switch.",
        "risk_answers": {"backout_tested": True, "evidence_complete": True, "teams": 1},
        "tz": ZONE,
        **deployment_night(week),
        **changes,
    }


def write_plan(window_start: str, window_end: str, **changes: Any) -> dict[str, Any]:
    """Give the answers to “Plan the release” for a window, given as UTC texts."""
    return {
        "strategy": "big_bang",
        "window_start": with_offset(window_start),
        "window_end": with_offset(window_end),
        "tz": ZONE,
        "pass_fail_criteria": "95 of 100 tests pass, none critical fails.",
        "build_sources": "git: portal at tag v7.3.0",
        "test_plan": "System test in SIT, acceptance in UAT.",
        "backout_plan": "Redeploy the media before.",
        "communication_plan": "Customers are told two days ahead.",
        "training_plan": "None is needed.",
        "environments_reserved": True,
        **changes,
    }


def with_offset(instant: str) -> str:
    """Give a UTC text as forms take it, to the minute with its offset."""
    return datetime.fromisoformat(instant).isoformat(timespec="minutes")


def write_build(name: str, version: str, sha256: str) -> dict[str, Any]:
    """Give the answers to “Build the release”."""
    return {
        "media_name": name,
        "media_version": version,
        "media_sha256": sha256,
        "build_source": f"git: {name} at tag v{version}",
    }


def write_test(result: str = "passed", passed: int = 100, defects: int = 0) -> dict[str, Any]:
    """Give the answers to “Test the build”."""
    return {
        "test_result": result,
        "tests_planned": 100,
        "tests_run": 100,
        "tests_passed": passed,
        "open_critical_defects": defects,
        "backout_tested": True,
        "operations_manual_ready": True,
    }


GO: dict[str, Any] = {
    "go_decision": "go",
    "operator": "Oda Birk",
    "backout_owner": "Ravi Menon",
    "els_staffed": True,
    "restore_point": True,
    "outage_announced": True,
    "pilot_result": "not_planned",
}
DESIGNS: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("karim", "design_infrastructure", {"infrastructure_design": "The portal's own hosts."}),
    ("bela", "design_services", {"service_levels": "99.5 percent, restored in 30 minutes."}),
    (
        "sami",
        "design_development",
        {"software_design": "A form and a message.", "software_test_approach": "Every country."},
    ),
)


def write_review(lessons: str, **changes: Any) -> dict[str, Any]:
    """Give the answers to “Review the implementation”."""
    return {
        "objectives_met": "yes",
        "outcome": "successful",
        "actual_start": "2027-06-12T22:30+02:00",
        "actual_end": "2027-06-13T01:10+02:00",
        "incidents": 0,
        "backout_used": False,
        "lessons": lessons,
        **changes,
    }
