"""Trying the database and the broker before anything rests on them; passwords are never shown."""

from __future__ import annotations

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError

from models.database import Database
from webapp.config import Settings
from webapp.settings_file import BadSetting
from workers.distributed import BrokerUnreachable, check_broker

HOW = "--database, ASSENT_DATABASE_URL or database_url in the settings file"
HOW_BROKER = "--broker, ASSENT_BROKER_URL or broker_url in the settings file"
EXAMPLE = "postgresql://user:password@host:5432/name"


def check_database(settings: Settings) -> None:
    """Connect once to a PostgreSQL database; raises BadSetting saying what was tried and why not.

    A SQLite file is made when it is opened.
    """
    url = _read_url(settings)
    if url.get_backend_name() == "sqlite":
        return
    shown = url.set(drivername="postgresql").render_as_string(hide_password=True)
    try:
        database = Database(settings.resolved_database_url)
        try:
            database.engine.connect().close()
        finally:
            database.close()
    except ModuleNotFoundError as error:
        raise BadSetting(
            f"PostgreSQL needs the package {error.name}: install assent[postgresql]."
        ) from None
    except DBAPIError as error:
        reason = " ".join(str(error.orig).split())
        raise BadSetting(f"Tried the database {shown} ({HOW}): {reason}") from None


def check_broker_of(settings: Settings) -> None:
    """Connect once to the broker, if one is set; raises BadSetting saying what was tried."""
    if not settings.broker_url:
        return
    if _read_url(settings).get_backend_name() == "sqlite":
        raise BadSetting(
            f"A broker ({HOW_BROKER}) has no use with SQLite, which is for one process: set a "
            f"PostgreSQL database too ({HOW})."
        )
    shown = mask_password(settings.broker_url)
    try:
        check_broker(settings.broker_url)
    except ModuleNotFoundError as error:
        raise BadSetting(
            f"RabbitMQ needs the package {error.name}: install assent[rabbitmq]."
        ) from None
    except BrokerUnreachable as error:
        raise BadSetting(f"Tried the broker {shown} ({HOW_BROKER}): {error}.") from None


def mask_password(url: str) -> str:
    """Give a URL with `***` in place of its password, also where it is no good URL."""
    scheme, mark, rest = url.partition("://") if "://" in url else ("", "", url)
    user, at, host = rest.rpartition("@")
    return f"{scheme}{mark}{user.partition(':')[0]}:***@{host}" if at else url


def _read_url(settings: Settings) -> URL:
    try:
        url = make_url(settings.resolved_database_url)
    except (ArgumentError, ValueError):
        raise BadSetting(f"The database ({HOW}) is no URL like {EXAMPLE}.") from None
    if url.drivername not in {"sqlite", "postgresql+psycopg"}:
        raise BadSetting(
            f"The database ({HOW}) begins with {url.drivername}://; there are sqlite:/// and "
            "postgresql://."
        )
    return url
