"""The sample schedule of the gallery: two weeks with a clash and a freeze."""

from __future__ import annotations

from datetime import UTC, date, datetime

from tests.browser.gallery.samples import ZONE, at_november
from webapp.render.schedule_grid import Grid, Planned, build_grid


def grid() -> Grid:
    """Two weeks of the change schedule with a clash and a freeze."""
    dec = [datetime(2026, 12, day, 8, tzinfo=UTC) for day in range(1, 7)]
    items = [
        Planned(
            "Payments",
            "CHG-1034 Payments API 4.2",
            at_november(26, 21),
            at_november(26, 22, 30),
            "clash",
            "/task",
            "Thu 26 Nov, 22:00–23:30 CET",
        ),
        Planned(
            "Payments", "free slot", at_november(27, 21), at_november(27, 22, 30), "free", "/slot"
        ),
        Planned(
            "Data platform",
            "CHG-1040 Patch set",
            at_november(26, 21, 30),
            at_november(26, 22),
            "clash",
            "/b",
        ),
        Planned("Data platform", "CHG-1052 Storage move", dec[1], dec[3], "authorized", "/c"),
        Planned(
            "Identity",
            "CHG-1038 Certificates",
            at_november(24, 8),
            at_november(24, 16),
            "authorized",
            "/d",
        ),
        Planned("Identity", "PRP-208 Replatform", dec[2], dec[5], "proposed", "/e"),
        Planned(
            "Network",
            "CHG-1021 Core refresh",
            at_november(28, 0),
            at_november(29, 4),
            "authorized",
            "/f",
        ),
        Planned(
            "Mobile checkout",
            "Weekly release",
            at_november(25, 8),
            at_november(25, 12),
            "standard",
            "/g",
        ),
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
