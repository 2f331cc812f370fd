"""What the web application works with: settings, database, clock, media library and workers."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol, cast

from flask import Flask, current_app
from sqlalchemy.orm import Session

from engine.clock import Clock, clock_of
from models.database import Database
from webapp.config import Settings
from workers.dml.storage import MediaStore, open_media_store
from workers.waiting_room import WaitingRoom

EXTENSION = "assent"


class Workers(Protocol):
    """Workers that run inside the serving process."""

    def start(self) -> None:
        """Begin to take jobs."""

    def stop(self) -> None:
        """Take no more jobs, and finish or hand back those at hand."""


@dataclass
class Services:
    """One of each; `workers` is nothing where other processes do the work."""

    settings: Settings
    database: Database
    clock: Clock
    media: MediaStore
    workers: Workers | None = None
    waiting_room: WaitingRoom = field(init=False)

    def __post_init__(self) -> None:
        """Leave a third of the threads to people, however many workers wait."""
        seats = max(1, self.settings.threads * 2 // 3)
        self.waiting_room = WaitingRoom(self.database, seats=seats)


def open_services(settings: Settings, clock: Clock | None = None) -> Services:
    """Open the database and the media library that the settings name."""
    database = Database(settings.resolved_database_url)
    return Services(
        settings=settings,
        database=database,
        clock=clock or clock_of(database),
        media=open_media_store(
            settings.resolved_media_url, size_limit_bytes=settings.media_limit_bytes
        ),
    )


def attach_services(app: Flask, given: Services) -> None:
    """Put the services where `services()` finds them."""
    app.extensions[EXTENSION] = given


def services() -> Services:
    """Give the services of the application that answers the present request."""
    return cast(Services, current_app.extensions[EXTENSION])


@contextlib.contextmanager
def read_session() -> Iterator[Session]:
    """Give a session that sees one moment; what was read stays readable after the block."""
    with services().database.read() as session:
        yield session
