"""A site on which the first release is being built, as each test's own copy."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import update

from models.account import Person
from models.database import Database
from tests.integration.site import QUICK_HASH, Site, read_csrf_token
from webapp.demo.play import Play
from webapp.demo.story import play_claims_triage

CHANGE_MANAGER, RELEASE_MANAGER, PORTFOLIO_MANAGER = "u02", "u03", "u04"
CAB_MEMBER, BUILDER = "u06", "u10"


@dataclass
class Browser:
    """A browser somebody is signed in with; forms carry the token of the page they are on."""

    client: FlaskClient

    def get(self, path: str, **kwargs: Any) -> Any:
        """Open a page."""
        return self.client.get(path, **kwargs)

    def post(self, page: str, path: str, data: dict[str, Any], **kwargs: Any) -> Any:
        """Post a form that stands on a page."""
        token = read_csrf_token(self.client.get(page).text)
        return self.client.post(path, data={**data, "csrf_token": token}, **kwargs)


@pytest.fixture(scope="session")
def told_template(loaded_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the file of a database in which REL-1 was planned and is being built, made once."""
    folder = tmp_path_factory.mktemp("told")
    site = Site(folder, template=loaded_template)
    database = site.services.database
    with database.write() as session:
        session.execute(update(Person).values(password_hash=QUICK_HASH))
    play_claims_triage(database, Play(database, site.services.clock, site.work))
    _close_whole(database)
    copy = folder / "told.db"
    shutil.copy(folder / "assent.sqlite", copy)
    return copy


@pytest.fixture
def story(tmp_path: Path, told_template: Path) -> Iterator[Site]:
    """Give a site in which REL-1 with RFC-2101 and RFC-2102 is being built."""
    site = Site(tmp_path, template=told_template)
    yield site
    site.services.database.close()


@pytest.fixture
def browser_of(story: Site) -> Callable[[str], Browser]:
    """Give a function from a person's id to a browser of theirs."""
    addresses: dict[str, str] = {}
    with story.services.database.read() as session:
        for person in session.query(Person):
            addresses[person.id] = person.email

    def open_browser(person_id: str) -> Browser:
        client = story.app.test_client()
        answer = client.post(
            "/sign-in",
            data={"email": addresses[person_id], "password": "correct horse battery"},
        )
        assert answer.status_code == 303, answer.text
        return Browser(client)

    return open_browser


def _close_whole(database: Database) -> None:
    with database.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    database.close()
