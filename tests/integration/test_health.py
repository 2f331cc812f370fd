"""Health and readiness: what they tell, to whom, and what they say when the database is gone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import event, text

from models.base import shard_of
from models.database import Database
from models.job import Incident, Job
from tests.integration.site import Site
from tests.services import PostgresqlCluster
from webapp.app import create_app
from webapp.config import Settings
from webapp.health import EXTENSION


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    site = Site(tmp_path)
    yield site
    site.services.database.close()


def add_job(
    site: Site,
    state: str,
    *,
    due_seconds_ago: float,
    is_sent: bool = False,
    channel: str = "engine",
) -> str:
    now = site.services.clock.now()
    with site.services.database.write() as session:
        job = Job(
            shard=shard_of(state), kind="system", topic="t", channel=channel, state=state,
            created_at=now, due_at=now - timedelta(seconds=due_seconds_ago),
            sent_at=now if is_sent else None,
        )  # fmt: skip
        session.add(job)
        session.flush()
        if state == "dead":
            session.add(Incident(job_id=job.id, kind="k", message="m", opened_at=now))
        return job.id


def test_health_and_readiness_need_no_sign_in(site: Site) -> None:
    client = site.app.test_client()

    alive, ready = client.get("/healthz"), client.get("/readyz")

    assert (alive.status_code, alive.json) == (200, {"status": "alive"})
    assert ready.status_code == 200
    assert ready.json["status"] == "ready"
    assert ready.json["database"] == {"kind": "sqlite", "reachable": True}
    assert ready.json["broker"] == {"kind": "none"}
    assert ready.json["jobs"] == {
        "ready": 0, "external": 0, "leased": 0, "dead": 0,
        "oldest_due_seconds": 0.0, "pump_lag_seconds": 0.0,
    }  # fmt: skip


def test_readiness_tells_how_the_jobs_stand(site: Site) -> None:
    add_job(site, "scheduled", due_seconds_ago=-3600)
    add_job(site, "scheduled", due_seconds_ago=5)
    add_job(site, "ready", due_seconds_ago=7)
    add_job(site, "ready", due_seconds_ago=40, is_sent=True)
    add_job(site, "ready", due_seconds_ago=50, channel="external")
    add_job(site, "leased", due_seconds_ago=60)
    add_job(site, "dead", due_seconds_ago=600)

    jobs = site.app.test_client().get("/readyz").json["jobs"]

    assert jobs == {
        "ready": 3, "external": 1, "leased": 1, "dead": 1,
        "oldest_due_seconds": 50.0, "pump_lag_seconds": 7.0,
    }  # fmt: skip


def test_a_flood_of_questions_asks_the_database_once(site: Site) -> None:
    client = site.app.test_client()
    first = client.get("/readyz").json
    add_job(site, "ready", due_seconds_ago=7)

    within_a_second = [client.get("/readyz").json for _ in range(20)]
    site.app.extensions[EXTENSION]["database"].seen_at = float("-inf")
    later = client.get("/readyz").json

    assert within_a_second == [first] * 20
    assert later["jobs"]["ready"] == 1


def test_a_database_that_goes_makes_it_unready_but_alive_and_nothing_is_told(
    tmp_path: Path, postgresql: PostgresqlCluster, empty_postgresql_template: str
) -> None:
    name = postgresql.create_database(empty_postgresql_template)
    app = create_app(Settings(data_dir=tmp_path, database_url=postgresql.url(name)))
    client = app.test_client()
    before = client.get("/readyz")
    postgresql.drop_database(name)
    app.extensions[EXTENSION]["database"].seen_at = float("-inf")

    alive, ready = client.get("/healthz"), client.get("/readyz")

    assert before.json["database"] == {"kind": "postgresql", "reachable": True}
    assert alive.status_code == 200
    assert ready.status_code == 503
    assert ready.json["status"] == "unavailable"
    assert ready.json["database"] == {"kind": "postgresql", "reachable": False}
    password = app.extensions["assent"].database.url.password
    assert password not in ready.text
    assert name not in ready.text
    app.extensions["assent"].database.close()


def test_a_broker_that_answers_is_told(tmp_path: Path, broker_url: str) -> None:
    site = Site(tmp_path)
    app = create_app(replace(site.services.settings, broker_url=broker_url))

    ready = app.test_client().get("/readyz")

    assert ready.json["broker"] == {"kind": "rabbitmq", "reachable": True}


def test_without_its_broker_it_is_ready_all_the_same(tmp_path: Path) -> None:
    site = Site(tmp_path)
    broker_url = "amqp://assent:hush-hush@127.0.0.1:1/"
    app = create_app(replace(site.services.settings, broker_url=broker_url))

    ready = app.test_client().get("/readyz")

    assert ready.status_code == 200
    assert ready.json["broker"] == {"kind": "rabbitmq", "reachable": False}
    assert "hush-hush" not in ready.text


def test_it_becomes_ready_again_when_the_database_is_back(site: Site) -> None:
    database: Database = site.services.database
    with database.write() as session:
        session.execute(text("ALTER TABLE job RENAME TO away"))
    client = site.app.test_client()

    gone = client.get("/readyz").status_code
    with database.write() as session:
        session.execute(text("ALTER TABLE away RENAME TO job"))
    site.app.extensions[EXTENSION]["database"].seen_at = float("-inf")
    back = client.get("/readyz").status_code

    assert (gone, back) == (503, 200)


def test_the_figures_are_read_by_index_however_many_timers_wait(site: Site) -> None:
    engine = site.services.database.engine
    statements: list[str] = []
    event.listen(
        engine,
        "before_cursor_execute",
        lambda _connection, _cursor, statement, *_: statements.append(statement),
    )

    assert site.app.test_client().get("/readyz").status_code == 200
    [read] = [each for each in statements if "FROM job" in each]
    with engine.connect() as connection:
        plan = [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {read}")]

    looks = [step for step in plan if "job" in step or "incident" in step]
    assert len(looks) == 9
    assert all("USING" in step and "INDEX" in step for step in looks), plan
