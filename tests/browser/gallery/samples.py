"""The sample data of the gallery: one release, its inbox, evidence and forms."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from webapp.render.overlap_svg import Span, render_overlap

ZONE = "Europe/Berlin"

PHASES = [
    {"name": "Proposal", "note": "12 Oct · CAB", "state": "done"},
    {"name": "1 Planning", "note": "21 Oct · M. Okafor", "state": "done"},
    {"name": "2 Build & test", "note": "9 Nov · M. Okafor", "state": "done"},
    {"name": "3 Media library", "note": "19 Nov · T. Sato", "state": "done"},
    {"name": "4 Deployment", "note": "waits for you", "state": "now"},
    {"name": "Review", "note": "planned 10 Dec", "state": "next"},
]

CRITERIA = [
    {
        "text": "Acceptance tests passed",
        "result": "pass",
        "severity": "must",
        "note": "214 of 214, build 4.2-rc2, 19 Nov",
        "url": "/report",
        "link": "Report",
    },
    {
        "text": "Definitive version in the media library",
        "result": "pass",
        "severity": "must",
        "note": "payments-api-4.2.0.tar.gz · sha256 9f2c…e1 · signed",
        "mono": True,
        "url": "/item",
        "link": "Item",
    },
    {
        "text": "Rollback rehearsed",
        "result": "pass",
        "severity": "must",
        "note": "12 min, 20 Nov, Jonas Lindqvist",
        "url": "/notes",
        "link": "Notes",
    },
    {
        "text": "Service desk briefed",
        "result": "waived",
        "severity": "should",
        "note": "waived by Ana Ruiz: no change for users",
    },
    {
        "text": "No open conflict",
        "result": "fail",
        "severity": "must",
        "note": "2 findings above; each needs a resolution or your reason",
    },
]


def findings() -> list[dict[str, Any]]:
    """Two open findings and a settled one."""
    mine = Span("CHG-1034 (this)", at_november(26, 21), at_november(26, 22, 30))
    theirs = Span("CHG-1040", at_november(26, 21, 30), at_november(26, 22))
    return [
        {
            "id": "f1",
            "kind": "Shared resource",
            "severity": "blocking",
            "sentence": "Database cluster db-prod-3 is patched at the same time",
            "detail": "CHG-1040 “Data platform patch set” restarts db-prod-3 on Thu 26 Nov, "
            "22:30–23:00 CET. Both plans assume the cluster is up.",
            "path": ["Payments", "payments-db", "db-prod-3", "Data platform"],
            "overlap": render_overlap(mine, theirs, ZONE),
            "ways_out": [
                {
                    "label": "Move to Fri 27 Nov, 22:00",
                    "hint": "free",
                    "primary": True,
                    "url": "/move",
                    "fields": {"slot": "2026-11-27T21:00Z"},
                },
                {"label": "Ask owner of CHG-1040", "url": "/ask", "post": True},
                {
                    "label": "Accept with reason",
                    "url": "/override",
                    "reason": "Why is this safe?",
                    "hint": "Needs the authority of the change manager. Kept with the record.",
                },
            ],
        },
        {
            "id": "f2",
            "kind": "Service dependency",
            "severity": "warning",
            "sentence": "Mobile checkout depends on Payments and has no test evidence",
            "detail": "Payments API 4.2 changes 3 endpoints that mobile checkout 8.1 calls. Its "
            "contract test last ran on 2 Nov, before build 4.2-rc2.",
            "ways_out": [
                {
                    "label": "Request contract test",
                    "url": "/request",
                    "post": True,
                    "primary": True,
                },
                {
                    "label": "Accept with reason",
                    "url": "/override",
                    "reason": "Why is this safe?",
                    "error": "Enter a reason",
                    "value": "",
                },
            ],
        },
        {
            "id": "f3",
            "kind": "Freeze",
            "severity": "blocking",
            "sentence": "The first date lay in the month-end close",
            "settled": "Mara Okafor moved it to 26 Nov, checked again 19 Nov 09:14 CET.",
        },
    ]


ENTRIES = [
    {
        "name": "Tomo Sato",
        "initials": "TS",
        "did": "authorized check-in to the media library",
        "when": "19 Nov 14:02",
        "comment": "Hash and signature match the build record.",
    },
    {"name": "Conflict check", "initials": "", "did": "found 2 conflicts", "when": "23 Nov 08:10"},
]

LESSONS = [
    {
        "text": "Warm the connection pool before traffic is switched; the first minute timed out.",
        "from": "CHG-0998 Single sign-on upgrade",
        "url": "/pir",
        "when": "12 Aug",
    },
    {
        "text": "Tell the service desk the day before, not the hour before.",
        "from": "CHG-0911 Payments API 4.1",
        "when": "3 May",
    },
]

GROUPS = [
    {
        "name": "Overdue",
        "tasks": [
            {
                "title": "Check in to the media library",
                "subject": "Network core refresh",
                "ref": "CHG-1021",
                "track": ["done", "done", "now", "next"],
                "phase": "Phase 3 of 4",
                "chip": "1 day late",
                "tone": "bad",
                "icon": "clock",
                "due": "Sun",
                "who": "DML",
            }
        ],
    },
    {
        "name": "Today",
        "tasks": [
            {
                "title": "Authorize deployment",
                "subject": "Payments API 4.2",
                "ref": "CHG-1034",
                "track": ["done", "done", "done", "now"],
                "phase": "Phase 4 of 4",
                "chosen": True,
                "chip": "2 conflicts",
                "tone": "warn",
                "icon": "warn",
                "due": "17:00",
                "who": "you",
            },
            {
                "title": "Review proposal: technical",
                "subject": "Customer identity replatform",
                "ref": "PRP-208",
                "track": ["now", "next", "next", "next"],
                "phase": "Before phase 1",
                "chip": "High risk",
                "tone": "",
                "icon": "",
                "due": "18:00",
                "who": "CAB technical",
            },
        ],
    },
    {
        "name": "This week",
        "tasks": [
            {
                "title": "Authorize build & test",
                "subject": "Data platform patch set",
                "ref": "CHG-1040",
                "track": ["done", "now", "next", "next"],
                "phase": "Phase 2 of 4",
                "chip": "All criteria met",
                "tone": "good",
                "icon": "ok",
                "due": "Thu",
                "who": "Change managers",
            },
            {
                "title": "Post-implementation review",
                "subject": "Single sign-on upgrade",
                "ref": "CHG-0998",
                "track": ["done", "done", "done", "done"],
                "phase": "Deployed, review open",
                "chip": "Review",
                "tone": "wait",
                "icon": "",
                "due": "Fri",
                "who": "you",
            },
        ],
    },
]

BOARD = [
    {
        "name": "1 Planning",
        "state": "done",
        "chip": "authorized 21 Oct",
        "tone": "good",
        "note": "M. Okafor",
        "criteria": [{"text": "Plan complete", "result": "pass"}],
    },
    {
        "name": "2 Build & test",
        "state": "done",
        "chip": "authorized 9 Nov",
        "tone": "good",
        "note": "M. Okafor, round 2",
        "criteria": [{"text": "All planned tests run", "result": "pass", "note": "214 of 214"}],
    },
    {
        "name": "3 Media library",
        "state": "now",
        "chip": "waits for check-in",
        "tone": "acc",
        "note": "DML worker",
        "criteria": [
            {
                "text": "Digest equals the build evidence",
                "result": "fail",
                "severity": "must",
                "note": "9f2c…e1 received, 77ab…03 expected",
            },
            {"text": "Licence allowed", "result": "unknown", "note": "not checked yet"},
        ],
    },
    {
        "name": "4 Deployment",
        "state": "next",
        "chip": "not open",
        "tone": "",
        "note": "26 Nov",
        "criteria": [{"text": "Window free of conflicts", "result": "unknown"}],
    },
]

FORM_SCHEMA: dict[str, Any] = {
    "type": "default",
    "id": "proposal",
    "schemaVersion": 16,
    "components": [
        {
            "type": "text",
            "text": "Describe the **outcome**, not the solution.\n\n- who gains\n"
            "- what changes for them <script>alert(1)</script>",
        },
        {"type": "textfield", "key": "title", "label": "Title", "validate": {"required": True}},
        {
            "type": "textarea",
            "key": "description",
            "label": "High-level description",
            "description": "Two or three sentences that a customer would understand.",
            "validate": {"required": True, "maxLength": 4000},
        },
        {
            "type": "group",
            "label": "Business case",
            "components": [
                {
                    "type": "number",
                    "key": "budget",
                    "label": "Budget",
                    "validate": {"min": 0},
                    "appearance": {"suffixAdorner": "EUR"},
                },
                {
                    "type": "radio",
                    "key": "urgency",
                    "label": "How urgent is it?",
                    "values": [
                        {"value": "low", "label": "Low"},
                        {"value": "high", "label": "High"},
                    ],
                    "validate": {"required": True},
                },
                {
                    "type": "select",
                    "key": "service",
                    "label": "Service",
                    "values": ["Payments", "Identity", "Network"],
                },
            ],
        },
        {"type": "separator"},
        {
            "type": "datetime",
            "subtype": "date",
            "key": "design_start",
            "dateLabel": "Design starts",
            "validate": {"required": True},
        },
        {"type": "datetime", "subtype": "datetime", "key": "window", "label": "Window starts"},
        {
            "type": "checklist",
            "key": "areas",
            "label": "What it touches",
            "values": ["Infrastructure", "Services", "Development"],
        },
        {
            "type": "taglist",
            "key": "teams",
            "label": "Teams",
            "values": ["DBA", "Network", "Service desk", "Security", "Architects", "Payments"],
        },
        {
            "type": "checkbox",
            "key": "budgeted",
            "label": "The budget is approved",
            "validate": {"required": True},
        },
    ],
}


def at_november(day: int, hour: int, minute: int = 0) -> datetime:
    """Give a moment of November 2026 in UTC."""
    return datetime(2026, 11, day, hour, minute, tzinfo=UTC)
