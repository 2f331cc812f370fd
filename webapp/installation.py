"""An installation as commands for people open it: settings, database, workers, who acts."""

from __future__ import annotations

import argparse
from pathlib import Path

from engine.clock import Clock
from engine.context import SYSTEM, Actor
from engine.errors import NotFound
from engine.people import load_actor
from models.database import Database
from models.migrate import prepare_database
from models.queries.people import find_person_by_email
from webapp.config import Settings, read_settings
from webapp.services import Services
from workers.dml.statement import open_statement_signer
from workers.embedded import Workers
from workers.mail import read_mail_server
from workers.snapshots import DatabasePorts
from workers.topics import TOPICS


def add_place_option(parser: argparse.ArgumentParser) -> None:
    """Let a command be told which installation it is about."""
    parser.add_argument(
        "--data-dir",
        type=Path,
        metavar="FOLDER",
        help="where the installation is kept (default: $ASSENT_DATA_DIR or ./var)",
    )


def add_person_option(parser: argparse.ArgumentParser) -> None:
    """Let a command be told on whose behalf it acts."""
    parser.add_argument(
        "--as",
        dest="person",
        metavar="EMAIL",
        help="the person who goes on record (default: Assent itself)",
    )


def settings_of(arguments: argparse.Namespace) -> Settings:
    """Give the settings of the installation that a command is about."""
    return read_settings(data_dir=arguments.data_dir)


def open_database(arguments: argparse.Namespace) -> tuple[Database, Clock]:
    """Open the database of an installation beside a server that may be running, tables made."""
    database = Database(settings_of(arguments).resolved_database_url)
    try:
        prepare_database(database)
    except BaseException:
        database.close()
        raise
    return database, Clock()


def find_actor(database: Database, email: str | None) -> Actor:
    """Give the person with this e-mail address, or Assent itself; raises NotFound."""
    if email is None:
        return SYSTEM
    with database.read() as session:
        person = find_person_by_email(session, email)
        actor = load_actor(session, person.id) if person else None
    if actor is None:
        raise NotFound(f"Nobody with the e-mail address {email} can act.")
    return actor


def make_ports(services: Services) -> DatabasePorts:
    """Give what the handlers of an installation may ask for."""
    settings = services.settings
    return DatabasePorts(
        services.database,
        services.clock,
        media=services.media,
        signer=open_statement_signer(settings.data_dir / "keys"),
        mail_server=read_mail_server(settings.smtp_url, settings.mail_from),
    )


def make_workers(services: Services, ports: DatabasePorts) -> Workers:
    """Give workers that run inside this process; they do nothing until they are started."""
    return Workers(
        services.database, services.clock, ports, TOPICS, threads=services.settings.workers
    )
