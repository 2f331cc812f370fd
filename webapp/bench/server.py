"""A serving process that counts: `assent serve` with listeners of the bench.

Statements and commits are counted in the threads that answer requests; a second port gives the
counts, so that asking for them disturbs nothing. Run as `python -m webapp.bench.server serve …`.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, event
from sqlalchemy.orm import Session

from webapp.api.operation import Answer, operation
from webapp.api.schema import record
from webapp.bench import handlers
from webapp.bench.site import CONTROL_PORT_FILE
from webapp.cli import main

__all__ = ["handlers"]  # Imported so that the process knows the topics of the bench.

REQUEST_THREADS = "waitress"
#: What begins and ends a transaction is no statement of the count; commits are counted apart.
NOT_COUNTED = ("BEGIN", "COMMIT", "ROLLBACK")


class Counts:
    """What request threads did since the start, and when each of their commits was done."""

    def __init__(self) -> None:
        """Begin at nothing."""
        self.statements = 0
        self.commits = 0
        self.committed_at: list[float] = []

    def listen(self) -> None:
        """Count from now on, on every engine and session of this process."""
        event.listen(Engine, "before_cursor_execute", self._count_statement)
        event.listen(Session, "after_commit", self._count_commit)

    def describe(self) -> dict[str, Any]:
        """Give the counts with the CPU seconds of the whole process."""
        return {
            "statements": self.statements,
            "commits": self.commits,
            "cpu_seconds": time.process_time(),
            "committed_at": self.committed_at[-1000:],
        }

    def _count_statement(self, _connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if _answers_request() and not statement.startswith(NOT_COUNTED):
            self.statements += 1

    def _count_commit(self, session: Session) -> None:
        if _answers_request():
            self.commits += 1
            self.committed_at.append(time.time())


def _answers_request() -> bool:
    return threading.current_thread().name.startswith(REQUEST_THREADS)


@operation("GET", "/bench/no-op", tag="Bench", answers={200: record("Nothing", {})})
def read_nothing() -> Answer:
    """Do nothing for somebody who is signed in: the floor of every request."""
    return Answer({})


def _serve_counts(counts: Counts) -> None:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps(counts.describe()).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing: the log is the server's."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    Path(os.environ[CONTROL_PORT_FILE]).write_text(str(server.server_address[1]))


if __name__ == "__main__":
    counted = Counts()
    counted.listen()
    if CONTROL_PORT_FILE in os.environ:
        _serve_counts(counted)
    sys.exit(main(sys.argv[1:]))
