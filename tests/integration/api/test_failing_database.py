"""A database that is full or cannot be written: said as it is, and nothing half done."""

from __future__ import annotations

from typing import Any

from sqlalchemy import event

from models.database import Database
from tests.integration.site import Site


def test_a_full_disk_is_507_and_nothing_has_changed(example: Site):
    piotr = example.speak_for("u04")
    before = _count_events(example)
    _set_pragma(example, "max_page_count=1")

    refused = piotr.post("/proposals", {"title": "xxxx", "description": "x" * 20_000})

    assert (refused.status_code, refused.json["code"]) == (507, "storage-full")
    assert piotr.get("/proposals?text=xxxx").json["items"] == []
    assert _count_events(example) == before


def test_a_database_that_cannot_be_written_is_503_with_a_time_to_come_back(example: Site):
    piotr = example.speak_for("u04")
    _set_pragma(example, "query_only=ON")

    refused = piotr.post("/proposals", {"title": "A"})
    read = piotr.get("/proposals")

    assert (refused.status_code, refused.json["code"]) == (503, "unavailable")
    assert refused.headers["Retry-After"] == "5"
    assert read.status_code == 200


def test_a_database_that_is_away_is_503_with_a_time_to_come_back(example: Site):
    piotr = example.speak_for("u04")
    there, away = example.services.database, Database("postgresql+psycopg://a:b@127.0.0.1:1/away")
    example.services.database = away
    try:
        refused = piotr.post("/proposals", {"title": "A"})
    finally:
        example.services.database = there
        away.close()

    assert (refused.status_code, refused.json["code"]) == (503, "unavailable")
    assert refused.headers["Retry-After"] == "5"


def _set_pragma(site: Site, pragma: str) -> None:
    """Let every connection from now on have this pragma."""

    def prepare(connection: Any, _record: Any) -> None:
        connection.execute(f"PRAGMA {pragma}")

    event.listen(site.services.database.engine, "connect", prepare)
    site.services.database.engine.dispose()


def _count_events(site: Site) -> int:
    with site.services.database.read() as session:
        count = session.connection().exec_driver_sql("SELECT count(*) FROM audit_event").scalar()
    return int(count or 0)
