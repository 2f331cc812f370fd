"""What people answer on the walk: the words they type into each form, by label."""

from __future__ import annotations

from dataclasses import dataclass

Answers = dict[str, str | bool]

PROPOSAL: dict[str, Answers] = {
    "What and why": {
        "What is new or changes": "Customers send claim documents in the portal.",
        "Business outcomes": "Half of the claims arrive with all documents (today one in ten).",
        "Utility": "Upload, list and delete documents of a claim.",
        "Warranty": "99.9 %; an upload of 20 MB in 10 s.",
        "Where it comes from": "Portfolio management",
    },
    "Business case": {
        "Risk": "Uploads grow faster than planned",
        "Probability": "2",
        "Impact": "3",
        "Issues": "None known.",
        "Alternatives considered": "Post and scan, as today",
        "Budget in euros": "140000",
        "Financial expectation": "Pays back in 18 months.",
    },
    "Schedule": {
        "Design from": "2026-12-07",
        "Design until": "2026-12-18",
        "Implementation from": "2027-01-11",
        "Implementation until": "2027-02-26",
        "Deployment from": "2027-03-20T23:00",
        "Deployment until": "2027-03-21T02:00",
    },
    "What it touches": {"Item 1": "app-portal-bff"},
    "Resources wanted": {
        "Resource": "Environment SIT (2 slots)",
        "How many": "1",
        "For": "Build and test",
        "From": "2027-01-11T08:00",
        "Until": "2027-01-15T17:00",
    },
    "Size and risk": {
        "Risk": "Medium",
        "Organizational units affected": "2",
        "How new is the service": "Significantly changed",
    },
}
SMALL: Answers = {
    "Risk": "Low",
    "Organizational units affected": "1",
    "How new is the service": "Existing, small change",
}
AMENDED_SCHEDULE: Answers = {
    "Deployment from": "2027-04-03T22:30",
    "Deployment until": "2027-04-04T01:30",
}
DESIGN: dict[str, Answers] = {
    "Design the infrastructure": {"Infrastructure": "Two more pods and 400 GB of storage."},
    "Design the services": {"Service levels": "As the portal: 99.9 %, 10 s an upload."},
    "Design the software": {
        "Software": "A documents module behind the portal's back end.",
        "How it is tested": "System test in SIT with 500 documents.",
    },
}
REQUEST: Answers = {
    "Title": "Portal back end 8.2 with documents",
    "Back-out plan": "Redeploy 8.1; 20 minutes; decide until 00:30.",
    "Backing out was tested": True,
    "The test evidence is complete": True,
}
PLAN: Answers = {
    "Deployment starts": "2027-04-03T22:30",
    "Deployment ends": "2027-04-04T01:30",
    "Strategy": "All at once",
    "Build sources": "git: portal at tag v8.2.0",
    "Test environments and people are reserved": True,
    "Pass and fail criteria": "All tests pass, none critical is open.",
    "Test plan": "System test in SIT.",
    "Back-out plan": "Redeploy 8.1.",
    "Communication plan": "The service desk is told a week before.",
    "Training plan": "None is needed.",
}
BUILT: dict[str, str] = {
    "Media name": "portal-documents",
    "Version": "1.0.0",
    "Built from": "git: portal at tag v8.2.0",
}
GO: Answers = {
    "Operator": "Oda Birk",
    "Owner of the back-out": "Ravi Menon",
    "Early life support is staffed": True,
    "A restore point is ready": True,
    "The outage was announced to users and service desk": True,
    "Pilot": "None was planned",
}
REVIEW: Answers = {
    "Outcome": "Successful with issues",
    "The back-out was used": True,
    "Deployment started": "2027-04-03T22:30",
    "Deployment ended": "2027-04-04T01:00",
    "Incidents it caused": "0",
}


@dataclass(frozen=True)
class TestAnswers:
    """The fields of a test report and its result."""

    __test__ = False  # It is no test itself.

    fields: Answers
    result: str


TEST_FAILED = TestAnswers(
    {
        "Tests planned": "40",
        "Tests run": "40",
        "Tests passed": "31",
        "Critical defects open": "2",
    },
    "Failed: build again",
)
TEST_PASSED = TestAnswers(
    {
        "Tests planned": "40",
        "Tests run": "40",
        "Tests passed": "40",
        "Critical defects open": "0",
        "Backing out was tested": True,
        "The operations manual is ready": True,
    },
    "Passed",
)
