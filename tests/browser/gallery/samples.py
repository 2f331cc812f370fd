"""The sample data of the gallery: one release, its inbox, schedule, forms and diagram."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from engine.runtime.layout import Bounds, DiagramLayout, Edge, Shape
from webapp.render.overlap_svg import Span, render_overlap
from webapp.render.schedule_grid import Grid, Planned, build_grid

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
    mine = Span("CHG-1034 (this)", _at(26, 21), _at(26, 22, 30))
    theirs = Span("CHG-1040", _at(26, 21, 30), _at(26, 22))
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


def _at(day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 11, day, hour, minute, tzinfo=UTC)


def grid() -> Grid:
    """Two weeks of the change schedule with a clash and a freeze."""
    dec = [datetime(2026, 12, day, 8, tzinfo=UTC) for day in range(1, 7)]
    items = [
        Planned(
            "Payments",
            "CHG-1034 Payments API 4.2",
            _at(26, 21),
            _at(26, 22, 30),
            "clash",
            "/task",
            "Thu 26 Nov, 22:00–23:30 CET",
        ),
        Planned("Payments", "free slot", _at(27, 21), _at(27, 22, 30), "free", "/slot"),
        Planned("Data platform", "CHG-1040 Patch set", _at(26, 21, 30), _at(26, 22), "clash", "/b"),
        Planned("Data platform", "CHG-1052 Storage move", dec[1], dec[3], "authorized", "/c"),
        Planned("Identity", "CHG-1038 Certificates", _at(24, 8), _at(24, 16), "authorized", "/d"),
        Planned("Identity", "PRP-208 Replatform", dec[2], dec[5], "proposed", "/e"),
        Planned("Network", "CHG-1021 Core refresh", _at(28, 0), _at(29, 4), "authorized", "/f"),
        Planned("Mobile checkout", "Weekly release", _at(25, 8), _at(25, 12), "standard", "/g"),
        Planned("Mobile checkout", "Weekly release", dec[1], dec[2], "standard", "/h"),
        Planned(
            "Workplace",
            "Patch ring 3, all offices",
            dec[5],
            dec[5].replace(hour=20),
            "standard",
            "/i",
        ),
    ]
    freeze = (
        "Month-end close",
        datetime(2026, 11, 29, 23, tzinfo=UTC),
        datetime(2026, 12, 1, 23, tzinfo=UTC),
    )
    tiers = {"Payments": "gold", "Data platform": "gold", "Identity": "silver"}
    return build_grid(
        items,
        date(2026, 11, 23),
        14,
        zone=ZONE,
        today=date(2026, 11, 23),
        freezes=[freeze],
        chips=tiers,
    )


DAYS = [
    {
        "title": "Thu 26 Nov",
        "changes": [
            {
                "when": "22:00–23:30",
                "name": "CHG-1034 Payments API 4.2",
                "url": "/task",
                "state": "clash",
                "tone": "bad",
            },
            {
                "when": "22:30–23:00",
                "name": "CHG-1040 Patch set",
                "url": "/b",
                "state": "clash",
                "tone": "bad",
            },
        ],
    },
    {
        "title": "Mon 30 Nov – Tue 1 Dec",
        "chip": "freeze",
        "text": "Month-end close: no changes without exception",
    },
    {
        "title": "Wed 2 Dec",
        "changes": [
            {
                "when": "20:00–02:00",
                "name": "CHG-1052 Storage move",
                "url": "/c",
                "state": "authorized",
                "tone": "good",
            }
        ],
    },
]


def release_layout() -> DiagramLayout:
    """A small release process with a rework loop and a deadline."""
    shapes = (
        Shape("pool", "participant", Bounds(0, 0, 900, 260), "Release and deployment"),
        Shape("l1", "lane", Bounds(30, 0, 870, 140), "Change management"),
        Shape("l2", "lane", Bounds(30, 140, 870, 120), "Deployment"),
        Shape("s", "startEvent", Bounds(60, 52, 36, 36)),
        Shape("check", "serviceTask", Bounds(140, 30, 110, 80), "Check conflicts"),
        Shape(
            "auth", "userTask", Bounds(300, 30, 110, 80), "Authorize deployment", loop="parallel"
        ),
        Shape(
            "late",
            "boundaryEvent",
            Bounds(382, 92, 36, 36),
            "2 days",
            event="timer",
            attached_to="auth",
            interrupting=False,
        ),
        Shape("gw", "exclusiveGateway", Bounds(470, 45, 50, 50), "Decision?"),
        Shape("dep", "userTask", Bounds(580, 160, 110, 80), "Deploy and verify"),
        Shape("plan", "userTask", Bounds(580, 30, 110, 80), "Rework the plan"),
        Shape("e", "endEvent", Bounds(780, 182, 36, 36), "Deployed"),
    )
    edges = (
        Edge("f1", "sequenceFlow", ((96, 70), (140, 70)), source="s", target="check"),
        Edge("f2", "sequenceFlow", ((250, 70), (300, 70))),
        Edge("f3", "sequenceFlow", ((410, 70), (470, 70))),
        Edge("f4", "sequenceFlow", ((495, 95), (495, 200), (580, 200)), "go"),
        Edge("f5", "sequenceFlow", ((520, 70), (580, 70)), "back", default=True),
        Edge("f6", "sequenceFlow", ((635, 30), (635, 12), (195, 12), (195, 30))),
        Edge("f7", "sequenceFlow", ((690, 200), (780, 200))),
    )
    return DiagramLayout("Release and deployment", shapes, edges)


def every_element() -> DiagramLayout:
    """One of everything that can be drawn."""
    tasks = [
        "task",
        "userTask",
        "serviceTask",
        "businessRuleTask",
        "scriptTask",
        "sendTask",
        "receiveTask",
        "manualTask",
        "callActivity",
        "subProcess",
    ]
    shapes = [
        Shape(
            kind,
            kind,
            Bounds(20 + index % 5 * 140, index // 5 * 110, 110, 80),
            f"{kind} with a name",
            loop=("", "loop", "parallel", "sequential")[index % 4],
        )
        for index, kind in enumerate(tasks)
    ]
    kinds = [
        "",
        "message",
        "timer",
        "error",
        "escalation",
        "signal",
        "terminate",
        "link",
        "conditional",
        "compensate",
        "cancel",
        "multiple",
        "parallelMultiple",
    ]
    for row, kind in enumerate(
        ["startEvent", "intermediateCatchEvent", "intermediateThrowEvent", "endEvent"]
    ):
        shapes += [
            Shape(
                f"{kind}-{event}",
                kind,
                Bounds(20 + index * 62, 240 + row * 66, 36, 36),
                event or "plain",
                event=event,
                interrupting=index % 5 != 4,
            )
            for index, event in enumerate(kinds)
        ]
    gateways = [
        "exclusiveGateway",
        "parallelGateway",
        "inclusiveGateway",
        "eventBasedGateway",
        "complexGateway",
    ]
    shapes += [
        Shape(kind, kind, Bounds(30 + index * 110, 520, 50, 50), f"{kind[:-7]}?")
        for index, kind in enumerate(gateways)
    ]
    shapes += [
        Shape("data", "dataObjectReference", Bounds(600, 520, 36, 50), "Data", collection=True),
        Shape("store", "dataStoreReference", Bounds(670, 520, 50, 50), "Store"),
        Shape("note", "textAnnotation", Bounds(740, 510, 100, 60), "A note about\nthis"),
        Shape("grp", "group", Bounds(580, 490, 280, 120), "Group"),
        Shape(
            "sub",
            "subProcess",
            Bounds(20, 620, 300, 120),
            "Expanded",
            expanded=True,
            event_subprocess=True,
        ),
        Shape("in", "userTask", Bounds(60, 650, 110, 70), "Inside it"),
    ]
    edges = (
        Edge("m", "messageFlow", ((340, 640), (560, 640)), "message"),
        Edge("a", "association", ((340, 680), (560, 680)), direction="one"),
        Edge(
            "c",
            "sequenceFlow",
            ((340, 720), (450, 720), (450, 700), (560, 700)),
            "if so",
            conditional=True,
        ),
    )
    return DiagramLayout("Every element", tuple(shapes), edges)
