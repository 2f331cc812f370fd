"""A throwaway PostgreSQL cluster from the system's binaries, or from a wheel that ships them."""

from __future__ import annotations

import contextlib
import itertools
import shutil
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
from psycopg import sql

from tests.services.binaries import find_binaries
from tests.services.processes import (
    Account,
    ServiceProcess,
    find_free_port,
    make_password,
    own_folder,
)

USER = "assent"
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "400",
    "shared_buffers": "64MB",
    # A zone that is not UTC finds times that lost theirs.
    "timezone": "America/St_Johns",
}
#: Safe as long as the machine itself goes on: a killed server loses nothing of what it wrote.
QUICK = {"fsync": "off", "synchronous_commit": "on", "full_page_writes": "off"}


@dataclass
class PostgresqlCluster:
    """A cluster on a free port of 127.0.0.1 with a superuser and a password of its own."""

    folder: Path
    binaries: Path
    account: Account
    is_quick: bool = True
    port: int = field(init=False)
    _password: str = field(init=False)
    _server: ServiceProcess = field(init=False)
    _numbers: Iterator[int] = field(init=False)

    def __post_init__(self) -> None:
        """Choose port and password; nothing runs yet."""
        self.port = find_free_port()
        self._password = make_password()
        self._numbers = itertools.count(1)
        settings = SETTINGS | {"port": str(self.port)} | (QUICK if self.is_quick else {})
        options = [f"--{name}={value}" for name, value in settings.items()]
        self._server = ServiceProcess(
            [self.binaries / "postgres", "-D", self.data, *options],
            self.account,
            self.folder / "log",
        )

    @property
    def data(self) -> Path:
        """The folder of the cluster's data."""
        return self.folder / "data"

    def url(self, name: str) -> str:
        """Give the SQLAlchemy URL of a database."""
        return f"postgresql+psycopg://{USER}:{self._password}@127.0.0.1:{self.port}/{name}"

    def start(self) -> None:
        """Start the server, on an empty cluster if there is none; returns when it answers."""
        if not self.data.exists():
            self._initialize()
        self._server.start(self._answers)

    def stop_immediately(self) -> None:
        """End the server as a crash would: no checkpoint, every connection cut."""
        self._server.end(signal.SIGQUIT)

    def wipe(self) -> None:
        """Lose every database: the next start finds an empty cluster."""
        self.stop_immediately()
        shutil.rmtree(self.data)

    def create_database(self, template: str = "template1") -> str:
        """Make a database as a copy of another that nobody is connected to; give its name."""
        name = f"assent_{next(self._numbers)}"
        create = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
        self.execute(create.format(sql.Identifier(name), sql.Identifier(template)))
        return name

    def drop_database(self, name: str) -> None:
        """Remove a database and cut whoever is still connected."""
        drop = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)")
        self.execute(drop.format(sql.Identifier(name)))

    def execute(self, statement: sql.Composable) -> None:
        """Run a statement outside a transaction as superuser."""
        with self._connect() as connection:
            connection.execute(statement)

    def _connect(self) -> psycopg.Connection[tuple[object, ...]]:
        return psycopg.connect(
            host="127.0.0.1", port=self.port, user=USER, password=self._password,
            dbname="postgres", autocommit=True, connect_timeout=10,
        )  # fmt: skip

    def _answers(self) -> bool:
        try:
            self._connect().close()
        except psycopg.OperationalError:
            return False
        return True

    def _initialize(self) -> None:
        secret = self.folder / "password"
        secret.write_text(self._password)
        self.account.give(secret)
        done = subprocess.run(
            [
                str(self.binaries / "initdb"), "-D", str(self.data), "--username", USER,
                "--pwfile", str(secret), "--auth=scram-sha-256", "--encoding=UTF8",
                "--locale=C.UTF-8", "--no-sync",
            ],
            cwd=self.folder, capture_output=True, text=True, check=False,
            **self.account.options,  # type: ignore[call-overload]
        )  # fmt: skip
        secret.unlink()
        if done.returncode:
            raise RuntimeError(f"initdb failed:\n{done.stdout}{done.stderr}")


@contextlib.contextmanager
def postgresql_cluster(*, is_quick: bool = True) -> Iterator[PostgresqlCluster]:
    """Give a running cluster that is gone afterwards; raises ServiceMissing.

    `is_quick` goes without fsync, which only a crash of the machine would notice; measure without.
    """
    account = Account.unprivileged()
    with own_folder("assent-postgresql-", account) as folder:
        cluster = PostgresqlCluster(folder, find_binaries(folder), account, is_quick)
        cluster.start()
        try:
            yield cluster
        finally:
            cluster.stop_immediately()
