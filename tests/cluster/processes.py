"""The processes of the cluster, and the people of the example organization who use them."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import text

from engine.clock import clock_of
from models.account import ApiToken
from models.account import Person as PersonRow
from models.database import Database
from tests.acceptance.person import Person
from tests.acceptance.server import ASSENT, PROJECT, Server, wait_for
from tests.integration.play_diagrams import Table
from webapp.auth.sessions import digest_secret

HANDLERS = "tests.cluster.handlers"


@dataclass
class Cluster:
    """Two web processes and a worker on one database, seen from outside and from inside."""

    webs: tuple[Server, Server]
    worker: subprocess.Popen[bytes]
    worker_log: Path
    database: Database

    @property
    def table(self) -> Table:
        """Give a table to put small diagrams on, without the publish check."""
        return Table(self.database, clock_of(self.database))  # type: ignore[arg-type]

    def person(self, person_id: str, web: int = 0, *, topics: tuple[str, ...] = ()) -> Person:
        """Give somebody with a token for everything, who speaks to one of the web processes."""
        secret = f"ast_{person_id}-{'-'.join(topics)}"
        with self.database.write() as session:
            row = session.get_one(PersonRow, person_id)
            now = datetime.now(UTC)
            if session.query(ApiToken).filter_by(digest=digest_secret(secret)).count() == 0:
                session.add(
                    ApiToken(
                        digest=digest_secret(secret), person_id=person_id, name="test",
                        prefix=secret[:8], scopes=["read", "write", "work", "deploy"],
                        topics=list(topics), issued_at=now, expires_at=now + timedelta(days=1),
                    )
                )  # fmt: skip
        return Person(self.webs[web], row.id, row.name, row.email, secret)

    def ask_database(self, statement: str) -> list[tuple[object, ...]]:
        """Ask the server itself, as its administrator would."""
        with self.database.engine.connect() as connection:
            found = [tuple(row) for row in connection.execute(text(statement))]
            connection.commit()
        return found


def start_cluster(folder: Path, database_url: str, broker_url: str) -> Cluster:
    """Start two web processes and a worker on a database that has its tables."""
    place = ("--database", database_url, "--handlers", HANDLERS)
    folder.mkdir()
    webs = tuple(
        Server(folder, options=("--no-worker", *place), shows_demo=False).start() for _ in range(2)
    )
    log = folder.with_name("worker.log")
    with log.open("wb") as said:
        worker = subprocess.Popen(
            [
                *ASSENT, "worker", "-p", "1", "-t", "4", "--data-dir", str(folder), *place,
                "--broker", broker_url,
            ],
            stdout=said, stderr=said, cwd=PROJECT, env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )  # fmt: skip
    wait_for(lambda: "Worker process is ready" in log.read_text(), "the worker")
    return Cluster((webs[0], webs[1]), worker, log, Database(database_url))


def stop_cluster(cluster: Cluster) -> None:
    """Stop every process in order."""
    cluster.database.close()
    cluster.worker.terminate()
    for web in cluster.webs:
        web.stop()
    cluster.worker.wait()
