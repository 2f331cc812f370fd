"""A site of its own for a test: a real SQLite database, people, a clock that can be set."""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from argon2 import PasswordHasher
from flask import Flask
from flask.testing import FlaskClient

from engine.clock import Clock
from models.account import ApiToken, Person, RoleAssignment
from models.database import Database
from models.tables import METADATA
from webapp.app import create_app
from webapp.auth.sessions import digest_secret
from webapp.config import Settings
from webapp.installation import make_ports
from webapp.services import EXTENSION, Services
from workers.runner import drain
from workers.topics import TOPICS

PASSWORD = "correct horse battery"
QUICK_HASH = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)


@dataclass
class Site:
    """An application with its services; `now` is the time on its clock."""

    folder: Path
    now: datetime = datetime(2027, 1, 15, 9, 0, tzinfo=UTC)
    demo: bool = False
    #: A database file to begin with; an empty one where there is none.
    template: Path | None = None
    #: A database that has its tables already, instead of a SQLite file in the folder.
    database_url: str = ""
    app: Flask = field(init=False)

    def __post_init__(self) -> None:
        """Make the application, and the tables where there is no database yet."""
        settings = Settings(
            data_dir=self.folder,
            demo=self.demo,
            secret_key="test",
            database_url=self.database_url,
        )
        file = self.folder / "assent.sqlite"
        if self.template is not None:
            shutil.copy(self.template, file)
        is_new = not self.database_url and not file.exists()
        self.app = create_app(settings, Clock(lambda: self.now))
        self.app.testing = True
        # Testing would let exceptions through; what people get to see is what is tested.
        self.app.config["PROPAGATE_EXCEPTIONS"] = False
        if is_new:
            _make_tables(self.services.database)

    @property
    def services(self) -> Services:
        """The services of the application."""
        found: Services = self.app.extensions[EXTENSION]
        return found

    def pass_time(self, **amount: float) -> None:
        """Let time pass."""
        self.now += timedelta(**amount)

    def add_person(self, person_id: str, *roles: str, name: str | None = None) -> str:
        """Add somebody with roles; their e-mail address is their id @example.org."""
        with self.services.database.write() as session:
            session.add(
                Person(
                    id=person_id,
                    name=name or person_id.capitalize(),
                    email=f"{person_id}@example.org",
                    password_hash=QUICK_HASH,
                )
            )
            session.flush()
            for role in roles:
                session.add(RoleAssignment(person_id=person_id, role=role))
        return person_id

    def issue_token(
        self,
        person_id: str,
        *scopes: str,
        topics: tuple[str, ...] = (),
        expires_at: datetime | None = None,
    ) -> str:
        """Give a bearer token of a person; with all scopes where none are named."""
        secret = f"ast_{person_id}-{'-'.join((*scopes, *topics))}"
        with self.services.database.write() as session:
            session.add(
                ApiToken(
                    digest=digest_secret(secret),
                    person_id=person_id,
                    name="test",
                    prefix=secret[:8],
                    scopes=list(scopes or ("read", "write", "work", "deploy")),
                    topics=list(topics),
                    issued_at=self.now,
                    expires_at=expires_at,
                )
            )
        return secret

    def work(self) -> None:
        """Let the workers do everything that is due."""
        drain(self.services.database, self.services.clock, make_ports(self.services), TOPICS)

    def speak_for(self, person_id: str, *scopes: str, topics: tuple[str, ...] = ()) -> Program:
        """Give a program that speaks for a person who is there already."""
        token = self.issue_token(person_id, *scopes, topics=topics)
        return Program(self.app.test_client(), token)

    def program(self, person_id: str, *roles: str, scopes: tuple[str, ...] = ()) -> Program:
        """Add a person and give a program that speaks for them with a token."""
        self.add_person(person_id, *roles)
        return Program(self.app.test_client(), self.issue_token(person_id, *scopes))

    def browser(self, person_id: str) -> FlaskClient:
        """Give a browser in which this person has signed in."""
        client = self.app.test_client()
        answer = client.post(
            "/sign-in", data={"email": f"{person_id}@example.org", "password": PASSWORD}
        )
        assert answer.status_code == 303, answer.text
        return client


def _make_tables(database: Database) -> None:
    """Fill in the tables: made once, then copied, since making them is slow."""
    file = Path(database.url.database or "")
    if not _empty:
        METADATA.create_all(database.engine)
        database.engine.dispose()  # Closing the last connection moves the log into the file.
        _empty.append(file.read_bytes())
    file.write_bytes(_empty[0])


_empty: list[bytes] = []


@dataclass
class Program:
    """A client of the API with a bearer token."""

    client: FlaskClient
    token: str

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """Send a request below /api/v1; header names are written with underscores."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        named["Authorization"] = f"Bearer {self.token}"
        given = {} if body is None else {"json": body}
        return self.client.open(f"/api/v1{path}", method=method, headers=named, **given)

    def get(self, path: str, **headers: str) -> Any:
        """Read something."""
        return self.send("GET", path, **headers)

    def post(self, path: str, body: Any = None, **headers: str) -> Any:
        """Ask for something to be done."""
        return self.send("POST", path, body, **headers)

    def post_bytes(self, path: str, content: bytes, content_type: str = "application/json") -> Any:
        """Send these very bytes."""
        return self.client.post(
            f"/api/v1{path}",
            data=content,
            content_type=content_type,
            headers={"Authorization": f"Bearer {self.token}"},
        )


def read_csrf_token(page: str) -> str:
    """Give the form token of a page."""
    found = re.search(r'name="csrf_token" value="([^"]+)"', page)
    assert found, "the page has no form token"
    return found.group(1)
