"""What an installation may be told from outside: each setting, its variable and its default.

A flag wins over a variable, a variable over the settings file (`webapp/settings_file.py`).
"""

from __future__ import annotations

import os
import secrets
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from webapp.settings_file import BadSetting, find_settings_file, read_settings_file

__all__ = ["BadSetting", "Settings", "load_secret_key", "read_settings"]

MEBIBYTE = 1024 * 1024
UNBOUNDED = 2**62


#: Every variable; the keys of the settings file are the same.
VARIABLES = frozenset(
    f"ASSENT_{name}"
    for name in (
        "DATA_DIR", "DATABASE_URL", "BROKER_URL", "MEDIA_URL", "HOST", "PORT", "THREADS", "DEMO",
        "SMTP_URL", "MAIL_FROM", "WORKERS", "BODY_LIMIT", "JSON_LIMIT", "MEDIA_LIMIT",
        "SESSION_IDLE_HOURS", "SESSION_HOURS", "SECRET_KEY", "ARCHIVE_AFTER_DAYS",
        "HANDLERS",
    )
)  # fmt: skip


@dataclass(frozen=True)
class Settings:
    """The settings of one installation; `read_settings` takes them from the environment."""

    #: ASSENT_DATA_DIR: where the database, the media library and the secret key are kept.
    data_dir: Path = Path("var")
    #: ASSENT_DATABASE_URL: an SQLAlchemy URL; by default SQLite in the data folder.
    database_url: str = field(default="", repr=False)
    #: ASSENT_BROKER_URL: the RabbitMQ that carries job ids to `assent worker`, amqp://…
    broker_url: str = field(default="", repr=False)
    #: ASSENT_MEDIA_URL: the media library, a folder or a URL that obstore knows.
    media_url: str = ""
    #: ASSENT_HOST: the address to listen on.
    host: str = "127.0.0.1"
    #: ASSENT_PORT: the port to listen on.
    port: int = 8080
    #: ASSENT_THREADS: how many requests are answered at once.
    threads: int = 64
    #: ASSENT_DEMO: load the example organization on first start and show its logins.
    demo: bool = False
    #: ASSENT_SMTP_URL: where notices are mailed through, smtps://user:password@host:port.
    smtp_url: str | None = None
    #: ASSENT_MAIL_FROM: who mails are from.
    mail_from: str = "Assent <assent@localhost>"
    #: ASSENT_WORKERS: how many jobs the serving process works on at once; 0 for none.
    workers: int = 8
    #: ASSENT_HANDLERS: Python modules with handlers of your own, separated by commas.
    handlers: tuple[str, ...] = ()
    #: ASSENT_ARCHIVE_AFTER_DAYS: instances that ended so long ago go to the archive; 0 for never.
    archive_after_days: int = 0
    #: ASSENT_BODY_LIMIT: bytes a request may have, uploads of media excepted.
    body_limit_bytes: int = 2 * MEBIBYTE
    #: ASSENT_JSON_LIMIT: bytes a JSON body may have.
    json_limit_bytes: int = 512 * 1024
    #: ASSENT_MEDIA_LIMIT: bytes an uploaded media item may have.
    media_limit_bytes: int = 2048 * MEBIBYTE
    #: ASSENT_SESSION_IDLE_HOURS: a session that is not used for so long has ended.
    session_idle_hours: int = 8
    #: ASSENT_SESSION_HOURS: a session ends after so long, used or not.
    session_hours: int = 24
    #: Signs flashed messages; by default made once and kept in the data folder.
    secret_key: str = field(default="", repr=False)

    def as_environment(self) -> dict[str, str]:
        """Give what tells another process of this machine about the same installation."""
        return {
            "ASSENT_DATA_DIR": str(self.data_dir.absolute()),
            "ASSENT_DATABASE_URL": self.resolved_database_url,
            "ASSENT_BROKER_URL": self.broker_url,
            "ASSENT_MEDIA_URL": self.resolved_media_url,
            "ASSENT_SMTP_URL": self.smtp_url or "",
            "ASSENT_MAIL_FROM": self.mail_from,
            "ASSENT_MEDIA_LIMIT": str(self.media_limit_bytes),
            "ASSENT_WORKERS": str(self.workers),
            "ASSENT_HANDLERS": ",".join(self.handlers),
        }

    @property
    def resolved_database_url(self) -> str:
        """Give the database URL, the default one included."""
        if not self.database_url:
            return f"sqlite:///{self.data_dir.absolute() / 'assent.sqlite'}"
        scheme, separator, rest = self.database_url.partition("://")
        # What others call PostgreSQL; the driver is ours to know.
        ours = "postgresql+psycopg" if scheme in {"postgres", "postgresql"} else scheme
        return f"{ours}{separator}{rest}"

    @property
    def resolved_media_url(self) -> str:
        """Give the place of the media library, the default one included."""
        return self.media_url or str(self.data_dir.absolute() / "media")


def read_settings(environ: Mapping[str, str] | None = None, **overrides: Any) -> Settings:
    """Give the settings of this environment; overrides that are not None win over it.

    Below both comes the settings file: the one that is named (`config`), else `assent.toml` in the
    data folder or in /etc/assent. Raises BadSetting naming the variable whose value cannot be used.
    """
    variables = dict(os.environ if environ is None else environ)
    file: Path | None = overrides.pop("config", None)
    if file is None:
        file = find_settings_file(
            overrides.get("data_dir") or Path(variables.get("ASSENT_DATA_DIR") or "var")
        )
    kept = read_settings_file(file, VARIABLES) if file else {}
    given = kept | {name: value for name, value in variables.items() if value}
    settings = Settings(
        data_dir=Path(given.get("ASSENT_DATA_DIR") or "var"),
        database_url=given.get("ASSENT_DATABASE_URL", ""),
        broker_url=given.get("ASSENT_BROKER_URL", ""),
        media_url=given.get("ASSENT_MEDIA_URL", ""),
        host=given.get("ASSENT_HOST") or "127.0.0.1",
        port=_read_number(given, "ASSENT_PORT", 8080, 0, 65_535),
        threads=_read_number(given, "ASSENT_THREADS", 64, 4, 1_000),
        demo=_read_switch(given, "ASSENT_DEMO"),
        smtp_url=given.get("ASSENT_SMTP_URL") or None,
        mail_from=given.get("ASSENT_MAIL_FROM") or "Assent <assent@localhost>",
        workers=_read_number(given, "ASSENT_WORKERS", 8, 0, 64),
        handlers=read_modules(given.get("ASSENT_HANDLERS", "")),
        archive_after_days=_read_number(given, "ASSENT_ARCHIVE_AFTER_DAYS", 0, 0, 36_500),
        body_limit_bytes=_read_number(given, "ASSENT_BODY_LIMIT", 2 * MEBIBYTE, 1024),
        json_limit_bytes=_read_number(given, "ASSENT_JSON_LIMIT", 512 * 1024, 1024),
        media_limit_bytes=_read_number(given, "ASSENT_MEDIA_LIMIT", 2048 * MEBIBYTE, 1024),
        session_idle_hours=_read_number(given, "ASSENT_SESSION_IDLE_HOURS", 8, 1),
        session_hours=_read_number(given, "ASSENT_SESSION_HOURS", 24, 1),
        secret_key=given.get("ASSENT_SECRET_KEY", ""),
    )
    return replace(settings, **{k: v for k, v in overrides.items() if v is not None})


def require_data_folder(settings: Settings) -> None:
    """Make the data folder where it is missing; raises BadSetting when it cannot be written."""
    folder = settings.data_dir
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise BadSetting(
            f"The data folder {folder} cannot be used: {error.strerror}. Name another with "
            "--data-dir or ASSENT_DATA_DIR."
        ) from None


def load_secret_key(settings: Settings) -> str:
    """Give the secret key: the one that is set, else the one kept in the data folder.

    Raises BadSetting when the file is empty, since cookies signed with nothing prove nothing.
    """
    if settings.secret_key:
        return settings.secret_key
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    kept = secret_key_file(settings)
    try:
        with os.fdopen(os.open(kept, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_urlsafe(48))
    except FileExistsError:
        pass  # Made on an earlier start.
    key = kept.read_text()
    if not key.strip():  # A start that was killed may have made the file and not the key.
        raise BadSetting(
            f"{kept} is empty. Put the secret key back, or remove the file at first use"
        )
    return key


def secret_key_file(settings: Settings) -> Path:
    """Give where the secret key is kept when it is not set."""
    return settings.data_dir / "secret.key"


def read_modules(text: str) -> tuple[str, ...]:
    """Give the names of Python modules in a text, each once; raises BadSetting for what is none."""
    names = tuple(dict.fromkeys(text.replace(",", " ").split()))
    for name in names:
        if not all(part.isidentifier() for part in name.split(".")):
            raise BadSetting(
                f"ASSENT_HANDLERS must name Python modules like package.module, not {name!r}."
            )
    return names


def _read_number(
    given: Mapping[str, str], name: str, default: int, lowest: int, highest: int = UNBOUNDED
) -> int:
    text = given.get(name, "").strip()
    if not text:
        return default
    if not text.isdecimal() or not lowest <= int(text) <= highest:
        bounds = f"from {lowest} to {highest}" if highest < UNBOUNDED else f"of at least {lowest}"
        raise BadSetting(f"{name} must be a whole number {bounds}, not {text!r}.")
    return int(text)


def _read_switch(given: Mapping[str, str], name: str) -> bool:
    text = given.get(name, "").strip().lower()
    if text in {"", "0", "no", "false", "off"}:
        return False
    if text in {"1", "yes", "true", "on"}:
        return True
    raise BadSetting(f"{name} must be 1 or 0, not {text!r}.")
