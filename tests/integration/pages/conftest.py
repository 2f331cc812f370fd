"""A site on which the first release is being built, as each test's own copy."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from models.account import Person
from tests.integration.site import Site, read_csrf_token

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
