"""A proposal that is complete and clashes with nothing, as a client sends it."""

from __future__ import annotations

from typing import Any

COMPLETE: dict[str, Any] = {
    "title": "Self-service address change",
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
    "design_start": "2027-08-02",
    "design_end": "2027-08-20",
    "build_start": "2027-08-23",
    "build_end": "2027-09-10",
    "deploy_from": "2027-09-18T22:30",
    "deploy_to": "2027-09-19T02:00",
    "tz": "Europe/Berlin",
    "changed_cis": ["app-portal-web"],
    "services": ["S01"],
    "bookings": [
        {
            "resource": "R-TEST",
            "quantity": 1,
            "phase": "build",
            "from": "2027-09-06T08:00",
            "to": "2027-09-08T16:00",
        }
    ],
    "risk": "medium",
    "org_units": 2,
    "novelty": "significantly_changed",
    "urgency": "normal",
}
