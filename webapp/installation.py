"""An installation as commands for people open it: settings, database, workers, who acts."""

from __future__ import annotations

import argparse
import logging
from pathlib import Path
from typing import Any

from sqlalchemy.exc import DatabaseError

from engine.clock import Clock, clock_of
from engine.context import SYSTEM, Actor
from engine.errors import NotFound
from engine.people import load_actor
from models.database import Database
from models.migrate import prepare_database
from models.queries.people import find_person_by_email
from webapp.config import (
    BadSetting,
    Settings,
    read_modules,
    read_settings,
    require_data_folder,
)
from webapp.reachability import check_database
from webapp.services import Services
from workers.customer_handlers import HandlersUnusable, load_handlers
from workers.distributed import make_broker
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
    parser.add_argument(
        "--database",
        metavar="URL",
        help="postgresql://… (default: $ASSENT_DATABASE_URL or SQLite in the data folder)",
    )
    parser.add_argument(
        "--config",
        type=Path,
        metavar="FILE",
        help="settings in TOML (default: assent.toml in the data folder or /etc/assent)",
    )
    parser.add_argument(
        "--handlers",
        metavar="MODULES",
        help="Python modules with handlers of your own, separated by commas "
        "(default: $ASSENT_HANDLERS)",
    )


def add_broker_option(parser: argparse.ArgumentParser) -> None:
    """Let a command be told of the broker."""
    parser.add_argument(
        "--broker", metavar="URL", help="amqp://… of a RabbitMQ (default: $ASSENT_BROKER_URL)"
    )


def log_to_operator() -> None:
    """Write what operators need to know to stderr; libraries say only what went wrong."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    for library in ("alembic", "pika"):
        logging.getLogger(library).setLevel(logging.WARNING)


def add_person_option(parser: argparse.ArgumentParser) -> None:
    """Let a command be told on whose behalf it acts."""
    parser.add_argument(
        "--as",
        dest="person",
        metavar="EMAIL",
        help="the person who goes on record (default: Assent itself)",
    )


def settings_of(arguments: argparse.Namespace, **overrides: Any) -> Settings:
    """Give the settings of the installation that a command is about; its database answers.

    The handlers it brings along are loaded: whoever makes jobs must know which topics are done
    inside. Raises BadSetting where a setting is wrong or the database is not there.
    """
    settings = read_settings(
        data_dir=arguments.data_dir,
        database_url=arguments.database,
        config=arguments.config,
        handlers=None if arguments.handlers is None else read_modules(arguments.handlers),
        **overrides,
    )
    load_handlers_of(settings)
    require_data_folder(settings)
    check_database(settings)
    return settings


def load_handlers_of(settings: Settings) -> None:
    """Register the topics of the installation's own handlers; raises BadSetting naming a module."""
    try:
        load_handlers(TOPICS, settings.handlers)
    except HandlersUnusable as error:
        raise BadSetting(f"{error} (--handlers, ASSENT_HANDLERS or handlers)") from error


def open_database(arguments: argparse.Namespace) -> tuple[Database, Clock]:
    """Open the database of an installation beside a server that may be running, tables made."""
    database = Database(settings_of(arguments).resolved_database_url)
    try:
        open_prepared(database)
    except BaseException:
        database.close()
        raise
    return database, clock_of(database)


def open_prepared(database: Database) -> None:
    """Bring a database up to date; raises BadSetting when it is none, or cannot be reached."""
    try:
        prepare_database(database)
    except DatabaseError as error:
        shown = database.url.render_as_string(hide_password=True)
        reason = str(error.orig).splitlines()[0]
        raise BadSetting(f"The database {shown} cannot be used: {reason}.") from None


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
    broker_url = services.settings.broker_url
    return Workers(
        services.database,
        services.clock,
        ports,
        TOPICS,
        broker=make_broker(broker_url) if broker_url else None,
        threads=services.settings.workers,
    )
